//! The `nop` exporter.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that fails panics")]

mod support;

use pipeline::Delivered;
use support::{build_with, run, traces};

#[test]
fn everything_is_taken_and_any_setting_is_a_mistake() {
    run(async {
        let nop = build_with(("basicauth", "client_auth: {username: u}"), ("nop", ""), &[]).unwrap();
        assert_eq!(nop.export(&traces(3)).await.unwrap(), Delivered::All);
    });
    let wrong = build_with(("basicauth", "client_auth: {username: u}"), ("nop", "endpoint: x"), &[]);
    assert!(wrong.err().unwrap().to_string().contains("endpoint: unknown key"));
}
