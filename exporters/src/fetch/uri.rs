//! What a URI asks for, and of what.

use percent_encoding::percent_decode_str;

use crate::auth::Endpoint;

/// What a URI asks for.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Wish {
    /// Where the text comes from; absent if nothing is named and the default stands for it.
    pub source: Option<Source>,
    /// The field of a JSON object that is meant.
    pub field: Option<String>,
    /// What stands for a field that is not there.
    pub default: Option<String>,
}

/// One text that is fetched, however many URIs ask for a part of it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Source {
    /// An `http:` or `https:` URL.
    Web(String),
    /// In S3, in the function's region unless it names one.
    Object { bucket: String, region: Option<String>, key: String },
    /// In Secrets Manager, by name or ARN.
    Secret { id: String, region: Option<String>, stage: Option<String>, version: Option<String> },
    /// In Parameter Store, by name or ARN, with `:version` or `:label` behind it if wanted.
    Parameter { name: String, region: Option<String> },
}

impl Wish {
    /// Reads `scheme:rest`.
    ///
    /// # Errors
    /// What is missing or not understood.
    pub fn parse(uri: &str) -> Result<Wish, String> {
        let (scheme, rest) = uri.split_once(':').unwrap_or((uri, ""));
        match scheme {
            "http" | "https" => Ok(Wish::whole(Source::Web(uri.to_owned()))),
            "s3" => Ok(Wish::whole(object(rest)?)),
            "secretsmanager" => Wish::part(rest, secret),
            "ssm" => Wish::part(rest, |name| Ok(parameter(name))),
            "arn" => match rest.split(':').nth(1) {
                Some("secretsmanager") => Wish::part(uri, secret),
                Some("ssm") => Wish::part(uri, |name| Ok(parameter(name))),
                service => Err(format!(
                    "nothing is fetched by the ARN of {}; it can be a secret's or a parameter's",
                    service.unwrap_or("no service")
                )),
            },
            _ => Err(format!("unknown scheme {scheme}:")),
        }
    }

    fn whole(source: Source) -> Wish {
        Wish { source: Some(source), field: None, default: None }
    }

    /// `name#field:-default`, as the Collector has it.
    fn part(
        text: &str,
        source: impl FnOnce(&str) -> Result<(Source, Option<String>), String>,
    ) -> Result<Wish, String> {
        let (text, default) = match text.split_once(":-") {
            Some((text, default)) => (text, Some(default.to_owned())),
            None => (text, None),
        };
        let (name, field) = match text.split_once('#') {
            Some((name, field)) => (name, Some(field.to_owned())),
            None => (text, None),
        };
        if name.is_empty() {
            return match default {
                Some(_) => Ok(Wish { source: None, field, default }),
                None => Err("it names nothing to fetch".into()),
            };
        }
        let (source, own_field) = source(name)?;
        Ok(Wish { source: Some(source), field: field.or(own_field), default })
    }
}

/// `//bucket/key`, `//bucket.s3.region.amazonaws.com/key`.
fn object(rest: &str) -> Result<Source, String> {
    let expected = || format!("s3:{rest} is no s3://BUCKET/KEY or s3://BUCKET.s3.REGION.amazonaws.com/KEY");
    let (host, key) = rest.strip_prefix("//").and_then(|rest| rest.split_once('/')).ok_or_else(expected)?;
    let told = Endpoint::of_host(host);
    // `bucket.s3.region`, `bucket.s3-region`, `bucket.s3.dualstack.region`
    let bucket = match host.rfind(".s3.").or_else(|| host.rfind(".s3-")) {
        Some(at) if told != Endpoint::default() => &host[..at],
        _ => host,
    };
    if bucket.is_empty() || key.is_empty() {
        return Err(expected());
    }
    let key = percent_decode_str(key).decode_utf8_lossy().into_owned();
    Ok(Source::Object { bucket: bucket.to_owned(), region: told.region, key })
}

/// `NAME`, `NAME?stage=AWSPREVIOUS`, `NAME?version=ID`, and as ECS has it: `ARN:FIELD:STAGE:VERSION`, each of the
/// three may be empty or absent.
fn secret(text: &str) -> Result<(Source, Option<String>), String> {
    let (text, query) = text.split_once('?').unwrap_or((text, ""));
    let mut parts = text.split(':');
    let own = if text.starts_with("arn:") { 7 } else { 1 };
    let id = parts.by_ref().take(own).collect::<Vec<_>>().join(":");
    let mut part = || parts.next().filter(|part| !part.is_empty()).map(str::to_owned);
    let (field, mut stage, mut version) = (part(), part(), part());
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        let value = Some(value.to_owned());
        match key.to_ascii_lowercase().replace(['-', '_'], "").as_str() {
            "stage" | "versionstage" => stage = value,
            "version" | "versionid" => version = value,
            _ => return Err(format!("`{key}` is not understood; valid are stage and version")),
        }
    }
    let region = region_of_arn(&id);
    Ok((Source::Secret { id, region, stage, version }, field))
}

fn parameter(name: &str) -> (Source, Option<String>) {
    (Source::Parameter { name: name.to_owned(), region: region_of_arn(name) }, None)
}

fn region_of_arn(id: &str) -> Option<String> {
    let region = id.strip_prefix("arn:")?.split(':').nth(2)?;
    (!region.is_empty()).then(|| region.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn some(text: &str) -> Option<String> {
        (!text.is_empty()).then(|| text.to_owned())
    }

    fn wish(uri: &str) -> (Source, Option<String>, Option<String>) {
        let wish = Wish::parse(uri).unwrap();
        (wish.source.unwrap(), wish.field, wish.default)
    }

    #[test]
    fn a_secret_is_named_with_its_field_its_version_and_a_default() {
        const ARN: &str = "arn:aws:secretsmanager:eu-north-1:1:secret:a/b-Xy12Zz";
        for (uri, id, region, [field, stage, version, default]) in [
            ("secretsmanager:a/b", "a/b", "", ["", "", "", ""]),
            ("secretsmanager:a/b#k", "a/b", "", ["k", "", "", ""]),
            ("secretsmanager:a#k:-d:-e", "a", "", ["k", "", "", "d:-e"]),
            ("secretsmanager:a?stage=AWSPREVIOUS#k", "a", "", ["k", "AWSPREVIOUS", "", ""]),
            ("secretsmanager:a?version-id=1-2", "a", "", ["", "", "1-2", ""]),
            ("secretsmanager:a?versionStage=S&version_id=1", "a", "", ["", "S", "1", ""]),
            (&format!("secretsmanager:{ARN}#k.l"), ARN, "eu-north-1", ["k.l", "", "", ""]),
            (ARN, ARN, "eu-north-1", ["", "", "", ""]),
            (&format!("{ARN}#k"), ARN, "eu-north-1", ["k", "", "", ""]),
            (&format!("{ARN}:k:AWSPREVIOUS:1"), ARN, "eu-north-1", ["k", "AWSPREVIOUS", "1", ""]),
            (&format!("{ARN}::AWSPREVIOUS:"), ARN, "eu-north-1", ["", "AWSPREVIOUS", "", ""]),
        ] {
            let [stage, version] = [stage, version].map(some);
            let source = Source::Secret { id: id.into(), region: some(region), stage, version };
            assert_eq!(wish(uri), (source, some(field), some(default)), "{uri}");
        }
    }

    #[test]
    fn a_parameter_is_named_by_name_or_arn_with_its_version() {
        const ARN: &str = "arn:aws-cn:ssm:cn-north-1:1:parameter/a/b:3";
        for (uri, name, region, field) in [
            ("ssm:/a/b", "/a/b", "", ""),
            ("ssm:name:3#k", "name:3", "", "k"),
            (&format!("ssm:{ARN}"), ARN, "cn-north-1", ""),
            (ARN, ARN, "cn-north-1", ""),
        ] {
            let source = Source::Parameter { name: name.into(), region: some(region) };
            assert_eq!(wish(uri), (source, some(field), None), "{uri}");
        }
    }

    #[test]
    fn an_object_is_named_by_its_bucket_alone_or_by_the_bucket_s_host() {
        for (uri, bucket, region, key) in [
            ("s3://b/k", "b", "", "k"),
            ("s3://b.c/k/l.yaml", "b.c", "", "k/l.yaml"),
            ("s3://b.s3.eu-west-1.amazonaws.com/k", "b", "eu-west-1", "k"),
            ("s3://b.c.s3.eu-west-1.amazonaws.com/k%20l", "b.c", "eu-west-1", "k l"),
            ("s3://b.s3.cn-north-1.amazonaws.com.cn/k", "b", "cn-north-1", "k"),
            ("s3://b.s3-eu-west-1.amazonaws.com/k", "b", "", "k"),
            ("s3://b.s3.amazonaws.com/k", "b", "", "k"),
        ] {
            let source = Source::Object { bucket: bucket.into(), region: some(region), key: key.into() };
            assert_eq!(wish(uri), (source, None, None), "{uri}");
        }
    }

    #[test]
    fn what_names_nothing_is_a_mistake_unless_there_is_a_default() {
        assert_eq!(Wish::parse("secretsmanager:#k:-d").unwrap().default.as_deref(), Some("d"));
        for uri in
            ["secretsmanager:", "ssm:#k", "s3:b/k", "s3://b", "s3://b/", "arn:aws:iam::1:role/x", "arn:x"]
        {
            assert!(Wish::parse(uri).is_err(), "{uri}");
        }
        assert!(Wish::parse("secretsmanager:a?stag=x").unwrap_err().contains("stag"));
    }
}
