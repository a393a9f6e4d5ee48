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
