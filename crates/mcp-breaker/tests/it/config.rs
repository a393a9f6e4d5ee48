//! Settings that cannot be are refused by name.

use std::time::Duration;

use mcp_breaker::Breaker;
use mcp_domain::{BreakerState, CircuitBreaker as _};

#[test]
fn the_defaults_are_valid_and_closed() {
    assert_eq!(Breaker::default().snapshot().state, BreakerState::Closed);
}

#[test]
fn impossible_settings_are_named() {
    let refused = [
        (Breaker::builder().failure_threshold(0), "failure_threshold"),
        (
            Breaker::builder().failure_threshold(u32::MAX),
            "failure_threshold",
        ),
        (
            Breaker::builder().open_timeout(Duration::ZERO),
            "open_timeout",
        ),
        (Breaker::builder().probes(0), "probes"),
        (Breaker::builder().growth(0.5), "growth is 0.5"),
        (Breaker::builder().growth(f64::NAN), "growth"),
        (Breaker::builder().jitter(1.5), "jitter is 1.5"),
        (Breaker::builder().jitter(f64::NAN), "jitter"),
    ];
    for (builder, name) in refused {
        let error = builder.build().unwrap_err().to_string();
        assert!(error.starts_with(name), "{error}");
    }
}
