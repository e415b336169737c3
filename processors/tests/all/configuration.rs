//! What the processors' settings may be, and what is said about the rest.

use crate::stage::build;

#[test]
fn what_the_collector_accepts_is_accepted() {
    for (name, yaml) in [
        ("batch", ""),
        ("batch", "{}"),
        ("batch", "timeout: 0s"),
        ("batch", "timeout: 1m30s\nsend_batch_size: 512\nsend_batch_max_size: 512"),
        ("batch", "send_batch_size: 0\nsend_batch_max_size: 10"),
        ("batch", "metadata_keys: [tenant, user]\nmetadata_cardinality_limit: 10"),
        ("resource", "attributes: [{key: k, value: v, action: insert}]"),
        (
            "resource",
            "attributes:\n  - key: env\n    action: UPSERT\n    value: {list: [1, two, 3.5], on: true}",
        ),
        (
            "resource",
            "attributes: [{pattern: '^a\\.', action: delete}, {key: k, from_attribute: a, action: update}]",
        ),
    ] {
        if let Err(mistakes) = build(name, yaml) {
            panic!("{name} {yaml}: {mistakes}");
        }
    }
}

#[test]
fn every_mistake_is_told_with_its_place() {
    for (name, yaml, expected) in [
        (
            "batch",
            "send_batch_size: 10\nsend_batch_max_size: 5",
            &[
                "inline:2:22: send_batch_max_size: found 5; expected 0 (no limit) or at least send_batch_size, which is 10",
            ][..],
        ),
        (
            "resource",
            "attributes: [{key: k, value: '${env:UNSET}', action: upsert}]",
            &[
                "inline:1:14: attributes[0]: no value; expected value, from_attribute, from_context or default_value",
            ],
        ),
        (
            "batch",
            "timeout: -1s",
            &[
                "inline:1:10: timeout: found the text \"-1s\"; expected a duration that is not negative, such as 5s",
            ][..],
        ),
        (
            "batch",
            "send_batch_size: -1",
            &["inline:1:18: send_batch_size: found the number -1; expected a whole number, 0 or more"][..],
        ),
        (
            "batch",
            "send_batchsize: 1",
            &[
                "inline:1:1: send_batchsize: unknown key; valid are timeout, send_batch_size, send_batch_max_size and metadata_keys; did you mean send_batch_size?",
            ][..],
        ),
        (
            "batch",
            "metadata_keys: [tenant, Tenant]",
            &["inline:1:16: metadata_keys: found \"Tenant\" twice; case does not count"][..],
        ),
        (
            "resource",
            "",
            &[
                "inline:1:1: attributes: missing; expected a list of actions such as {key: K, value: V, action: upsert}",
            ][..],
        ),
        (
            "resource",
            "attributes: []",
            &[
                "inline:1:13: attributes: missing; expected a list of actions such as {key: K, value: V, action: upsert}",
            ][..],
        ),
        (
            "resource",
            "attributes:\n- key: a\n  value: b",
            &[
                "inline:2:3: attributes[0]: no action; expected action: one of insert, update, upsert, delete, hash, extract, convert",
            ][..],
        ),
        (
            "resource",
            "attributes:\n- key: a\n  value: b\n  action: set",
            &[
                "inline:4:11: attributes[0].action: found the text \"set\"; valid are insert, update, upsert, delete, hash, extract and convert",
            ][..],
        ),
        (
            "resource",
            "attributes:\n- key: a\n  value: b\n  action: upser",
            &[
                "inline:4:11: attributes[0].action: found the text \"upser\"; valid are insert, update, upsert, delete, hash, extract and convert; did you mean upsert?",
            ][..],
        ),
        (
            "resource",
            "attributes:\n- key: a\n  action: insert\n- value: 1\n  action: update",
            &[
                "inline:2:3: attributes[0]: no value; expected value, from_attribute, from_context or default_value",
                "inline:4:3: attributes[1]: no key; action update needs the key of the attribute to act on",
            ][..],
        ),
        (
            "resource",
            "attributes:\n- key: a\n  pattern: '(?P<x>.'\n  action: extract",
            &[
                "inline:3:12: attributes[0].pattern: found (?P<x>., which is no regular expression: found open group without closing ')'",
            ][..],
        ),
        (
            "resource",
            "attributes:\n- key: a\n  converted_type: integer\n  action: convert",
            &[
                "inline:3:19: attributes[0].converted_type: found the text \"integer\"; valid are int, double and string",
            ][..],
        ),
        (
            "resource",
            "attributes:\n- key: a\n  pattern: b\n  value: c\n  action: insert",
            &[
                "inline:3:12: attributes[0].pattern: not used by action insert, which knows value, from_attribute, from_context, default_value",
            ][..],
        ),
        (
            "resource",
            "attributes:\n- key: a\n  value: 18446744073709551615\n  action: insert",
            &["inline:3:10: attributes[0].value: 18446744073709551615 exceeds 64 bits with sign"][..],
        ),
        ("resource", "actions: []", &["inline:1:1: actions: unknown key; valid is attributes"][..]),
    ] {
        let Err(found) = build(name, yaml) else { panic!("{name} {yaml}: accepted") };
        let found: Vec<_> = found.0.iter().map(|mistake| mistake.text.as_str()).collect();
        assert_eq!(found, expected, "{name} {yaml}");
    }
}
