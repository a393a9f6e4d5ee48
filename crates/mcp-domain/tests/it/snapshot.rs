//! What people and dashboards read of a breaker.

use std::time::Duration;

use mcp_domain::{BreakerMode, BreakerSnapshot, BreakerState};
use serde_json::json;

fn open() -> BreakerSnapshot {
    let mut snapshot = BreakerSnapshot::new(BreakerState::Open);
    snapshot.in_state_for = Some(Duration::from_millis(3_250));
    snapshot.failure_count = 30;
    snapshot.slow_count = 2;
    snapshot.calls = 40;
    snapshot.failure_rate = Some(0.75);
    snapshot.rejected = 7;
    snapshot.retry_after = Some(Duration::from_secs(57));
    snapshot
}

#[test]
fn a_snapshot_reads_as_a_sentence() {
    assert_eq!(
        open().to_string(),
        "open for 3.2 s, failures: 30 (75.0 %), slow: 2, of 40 calls, refused: 7, next probe in 57.0 s"
    );
    let mut observed = BreakerSnapshot::new(BreakerState::HalfOpen);
    observed.mode = BreakerMode::ObserveOnly;
    observed.probes = 1;
    observed.let_through = 3;
    assert_eq!(
        observed.to_string(),
        "half-open (observe-only), failures: 0, probes under way: 1, let through: 3"
    );
}

#[test]
fn a_snapshot_serializes_in_plain_words_and_seconds() {
    let json = serde_json::to_value(open()).unwrap();
    for (name, value) in [
        ("state", json!("open")),
        ("mode", json!("automatic")),
        ("in_state_for", json!(3.25)),
        ("failure_count", json!(30)),
        ("failure_rate", json!(0.75)),
        ("slow_rate", json!(null)),
        ("rejected", json!(7)),
        ("retry_after", json!(57.0)),
    ] {
        assert_eq!(json[name], value, "{name}");
    }
}

#[test]
fn modes_read_the_same_in_json_and_in_text() {
    for mode in [
        BreakerMode::Automatic,
        BreakerMode::Disabled,
        BreakerMode::ForcedOpen,
        BreakerMode::ObserveOnly,
    ] {
        let json = serde_json::to_value(mode).unwrap();
        assert_eq!(json, json!(mode.to_string()));
    }
}
