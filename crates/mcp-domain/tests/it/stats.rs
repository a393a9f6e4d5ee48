//! The names that dashboards rely on.

use mcp_domain::{BreakerState, PoolStats};
use serde_json::json;

#[test]
fn statistics_bear_the_names_of_the_case_study() {
    let stats = serde_json::to_value(PoolStats::default()).unwrap();
    for (name, value) in [
        ("total_connections", json!(0)),
        ("available_connections", json!(0)),
        ("active_connections", json!(0)),
        ("max_connections", json!(0)),
        ("circuit_breaker_state", json!("closed")),
        ("failure_count", json!(0)),
    ] {
        assert_eq!(stats[name], value, "{name}");
    }
}

#[test]
fn states_read_the_same_in_json_and_in_text() {
    for state in [
        BreakerState::Closed,
        BreakerState::HalfOpen,
        BreakerState::Open,
    ] {
        assert_eq!(
            serde_json::to_value(state).unwrap(),
            json!(state.to_string())
        );
    }
}

#[test]
fn times_are_told_in_seconds() {
    let mut stats = PoolStats::default();
    stats.wait_time.p50 = std::time::Duration::from_millis(250);
    let stats = serde_json::to_value(stats).unwrap();
    let expected = json!({"count": 0, "p50": 0.25, "p90": 0.0, "p99": 0.0, "max": 0.0});
    assert_eq!(stats["wait_time"], expected);
}

/// Whoever reads the documentation finds what every figure means.
#[test]
fn the_documentation_lists_every_figure() {
    let page = include_str!("../../../../docs/observability.md");
    let stats = serde_json::to_value(PoolStats::default()).unwrap();
    let closed = stats["closed"].as_object().unwrap();
    for name in stats.as_object().unwrap().keys().chain(closed.keys()) {
        assert!(page.contains(&format!("`{name}`")), "{name}");
    }
}
