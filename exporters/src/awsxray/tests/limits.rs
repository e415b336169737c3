//! Documents too long for X-Ray.

use super::*;

fn left_out(document: &Value) -> String {
    document["metadata"]["default"]["otelcol.left_out"].to_string()
}

#[test]
fn the_largest_metadata_goes_first_and_is_named() {
    for mapping in [Mapping::Improved, Mapping::Contrib] {
        let mut tried =
            Try::of(SERVER, json!({ "small": "s", "huge": "x".repeat(70_000), "large": "y".repeat(60_000) }));
        tried.settings.mapping = mapping;
        let document = tried.one();
        let metadata = &document["metadata"]["default"];
        assert_eq!((metadata["small"].as_str(), metadata.get("huge")), (Some("s"), None));
        assert_eq!(metadata["large"].as_str().map(str::len), Some(60_000));
        assert!(left_out(&document).contains("metadata.default.huge (70"), "{document}");
        let translation = translate(&tried.request(), &tried.settings, &Facts::default());
        assert_eq!(translation.shortened, 1);
    }
}

#[test]
fn a_long_query_is_cut_after_all_metadata_went() {
    let attributes = json!({ "db.system.name": "mysql", "db.query.text": "q".repeat(80_000), "small": "s" });
    let document = Try::of(CLIENT, attributes).one();
    assert_eq!(document["sql"]["sanitized_query"].as_str().map(str::len), Some(250));
    assert!(left_out(&document).contains("texts beyond 250"));
}

#[test]
fn links_beyond_those_that_x_ray_shows_are_kept_as_metadata() {
    let link = |trace: usize, span: usize| json!({ "traceId": format!("{trace:032x}"), "spanId": format!("{span:016x}") });
    let links: Vec<_> =
        (1..=22).map(|trace| link(trace, 1)).chain((1..=101).map(|span| link(1, span))).collect();
    let document = Try::of(SERVER, json!({})).span(json!({ "links": links.clone() })).one();
    assert_eq!(document["links"].as_array().map(Vec::len), Some(119));
    assert_eq!(document["metadata"]["default"]["otel.links"].as_array().map(Vec::len), Some(4));
    let by_go = Try::of(SERVER, json!({})).span(json!({ "links": links })).contrib().one();
    assert_eq!(by_go["links"].as_array().map(Vec::len), Some(123));
}

#[test]
fn annotations_beyond_fifty_and_what_is_cut_of_them_are_kept_as_metadata() {
    let mut attributes: serde_json::Map<_, _> =
        (0..60).map(|number| (format!("k{number:02}"), json!(number))).collect();
    attributes.insert("a".into(), json!("é".repeat(1001)));
    let mut tried = Try::of(INTERNAL, attributes.into());
    tried.settings.index_all_attributes = true;
    let document = tried.one();
    assert_eq!(document["annotations"].as_object().map(serde_json::Map::len), Some(50));
    assert_eq!(document["annotations"]["a"], "é".repeat(1000));
    assert_eq!(document["metadata"]["default"]["a"], "é".repeat(1001));
    assert_eq!(document["metadata"]["default"]["k59"], 59);
}

#[test]
fn fields_of_250_characters_are_cut_and_their_whole_is_kept_as_metadata() {
    let url = format!("https://h/{}", "é".repeat(300));
    let attributes = json!({ "url.full": url, "http.request.method": "M".repeat(300), "user_agent.original": "U".repeat(300), "enduser.id": "e".repeat(300) });
    let document = Try::of(SERVER, attributes.clone()).one();
    for place in ["/http/request/url", "/http/request/method", "/http/request/user_agent", "/user"] {
        assert_eq!(document.pointer(place).unwrap().as_str().unwrap().chars().count(), 250, "{place}");
    }
    for key in attributes.as_object().unwrap().keys() {
        assert_eq!(document["metadata"]["default"][key], attributes[key]);
    }
}
