//! The signature against AWS's published examples.

use std::time::Duration;

use super::*;

const EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

fn keys() -> Keys {
    Keys::new("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", None)
}

fn scope(service: &str) -> Scope {
    Scope { region: "us-east-1".into(), service: service.into() }
}

fn canonical<'a>(method: &'a str, target: &'a str, more: &[(&str, &str)]) -> Canonical<'a> {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let own = [("host", "example.amazonaws.com"), ("x-amz-date", "20150830T123600Z")];
    let headers = own.iter().chain(more).map(|(name, value)| ((*name).to_owned(), trimmed(value)));
    let headers = headers.collect();
    Canonical { method, path, query, headers, payload: EMPTY.into(), verbatim_path: false }
}

fn signature(request: &Canonical, service: &str) -> String {
    let authorization = request.authorization(&keys(), &scope(service), "20150830T123600Z");
    authorization.rsplit('=').next().unwrap().to_owned()
}

#[test]
fn awss_own_test_suite_is_signed_as_published() {
    for (method, target, headers, expected) in [
        ("GET", "/", &[][..], "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),
        ("POST", "/", &[], "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"),
        (
            "GET",
            "/?Param2=value2&Param1=value1",
            &[],
            "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
        ),
        ("GET", "/\u{1234}", &[], "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85"),
        (
            "GET",
            "/-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
            &[],
            "07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f",
        ),
        ("GET", "/example space/", &[], "652487583200325589f1fba4c7e578f72c47cb61beeca81406b39ddec1366741"),
        (
            "GET",
            "/",
            &[("my-header1", " value1"), ("my-header2", " \"a   b   c\"")],
            "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736",
        ),
        (
            "POST",
            "/",
            &[("my-header1", "value1")],
            "c5410059b04c1ee005303aed430f6e6645f61f4dc9e1461ec8f8916fdf18852c",
        ),
    ] {
        assert_eq!(signature(&canonical(method, target, headers), "service"), expected, "{method} {target}");
    }
    for target in ["//", "/./", "/example/..", "/example1/example2/../..", "/example/../"] {
        let normalized = signature(&canonical("GET", target, &[]), "service");
        assert_eq!(normalized, signature(&canonical("GET", "/", &[]), "service"), "{target}");
    }
}

#[test]
fn the_example_of_the_documentation_is_signed_as_printed_there() {
    let content_type = ("content-type", "application/x-www-form-urlencoded; charset=utf-8");
    let mut request = canonical("GET", "/?Action=ListUsers&Version=2010-05-08", &[content_type]);
    request.headers.insert("host".into(), "iam.amazonaws.com".into());
    assert_eq!(
        request.authorization(&keys(), &scope("iam"), "20150830T123600Z"),
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/iam/aws4_request, \
         SignedHeaders=content-type;host;x-amz-date, \
         Signature=5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7"
    );
}

#[test]
fn a_query_is_sorted_and_escaped_in_one_way() {
    for (query, canonical) in [
        ("", ""),
        ("b&a=2&a=1", "a=1&a=2&b="),
        ("x=a+b&y=a%20b&z=%7e%2f", "x=a%20b&y=a%20b&z=~%2F"),
        ("a-b=1&a=2", "a=2&a-b=1"),
        ("x=1=2", "x=1%3D2"),
    ] {
        assert_eq!(canonical_query(query), canonical, "{query}");
    }
    assert_eq!(canonical_path("/a%20b/c/"), "/a%2520b/c/");
}

#[test]
fn only_what_no_proxy_changes_is_signed_and_secrets_are_not_printed() {
    let pieces = Pieces::from(vec![Bytes::from_static(b"two "), Bytes::from_static(b"pieces")]);
    let mut request = Request::post("/v1/logs").body(pieces).unwrap();
    for (name, value) in [
        ("host", "logs.us-east-1.amazonaws.com"),
        ("content-type", "application/x-protobuf"),
        ("accept-encoding", "gzip"),
        ("user-agent", "me"),
        ("x-aws-log-group", "/app"),
        ("x-amzn-trace-id", "Root=1"),
        ("authorization", "replaced"),
    ] {
        request.headers_mut().insert(name, value.parse().unwrap());
    }
    let keys = Keys::new("AKIDEXAMPLE", "secret", Some("session"));
    let now = UNIX_EPOCH + Duration::from_secs(1_440_938_160);
    sign(&mut request, &keys, &scope("logs"), now).unwrap();
    let authorization = request.headers()["authorization"].to_str().unwrap().to_owned();
    let names = "SignedHeaders=content-type;host;x-amz-date;x-amz-security-token;x-aws-log-group,";
    assert!(authorization.contains(names), "{authorization}");
    assert_eq!(request.headers()["x-amz-date"], "20150830T123600Z");
    assert!(!request.headers().contains_key("x-amz-content-sha256"));
    let printed = format!("{:?}", request.headers());
    assert!(!printed.contains("session") && !printed.contains("Signature="), "{printed}");

    let hashed = hash(&[Bytes::from_static(b"two pieces")]);
    sign(&mut request, &keys, &scope("s3"), now).unwrap();
    assert_eq!(request.headers()["x-amz-content-sha256"], *hashed);
}
