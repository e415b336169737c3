//! Which service in which region an AWS host name means.

/// What a host name tells; either may be absent.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Endpoint {
    /// The name that signatures call the service by.
    pub service: Option<String>,
    /// Its region.
    pub region: Option<String>,
}

/// What the names of AWS end with, by partition, dual stack and function URLs included.
const SUFFIXES: [&str; 6] = [
    ".amazonaws.com",
    ".amazonaws.com.cn",
    ".amazonaws.eu",
    ".api.aws",
    ".api.amazonwebservices.com.cn",
    ".on.aws",
];

impl Endpoint {
    /// Reads `service.region.amazonaws.com` and its kin: FIPS, dual stack, VPC endpoints
    /// (`vpce-1-2.service.region.vpce.amazonaws.com`), domains that stand before the region
    /// (`name.region.es.amazonaws.com`).
    pub fn of_host(host: &str) -> Endpoint {
        let host = host.to_ascii_lowercase();
        let Some(name) = SUFFIXES.iter().find_map(|suffix| host.strip_suffix(suffix)) else {
            return Endpoint::default();
        };
        let labels: Vec<&str> = name.split('.').filter(|label| *label != "vpce").collect();
        let region = labels.iter().rposition(|label| is_region(label));
        let service = match region {
            Some(at) if at + 1 < labels.len() => labels.last(),
            Some(at) => at.checked_sub(1).and_then(|before| labels.get(before)),
            None => labels.last(),
        };
        Endpoint {
            service: service.map(|label| signing_name(label).to_owned()),
            region: region.and_then(|at| labels.get(at)).map(|label| (*label).to_owned()),
        }
    }
}

/// `eu-west-1`, `us-gov-east-1`, `eusc-de-east-1`: words and a number.
fn is_region(label: &str) -> bool {
    let parts: Vec<&str> = label.split('-').collect();
    let Some((number, words)) = parts.split_last() else { return false };
    let number = !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit());
    number
        && words.len() >= 2
        && words.iter().all(|word| !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase()))
}

/// The name in signatures, where it is not that of the host.
fn signing_name(label: &str) -> &str {
    match label.trim_end_matches("-fips").trim_start_matches("fips-") {
        "aps-workspaces" => "aps",
        "lambda-url" => "lambda",
        name => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_of_aws_tells_service_and_region() {
        for (host, service, region) in [
            ("xray.eu-west-1.amazonaws.com", "xray", "eu-west-1"),
            ("XRAY.EU-WEST-1.AMAZONAWS.COM", "xray", "eu-west-1"),
            ("logs.us-east-1.amazonaws.com", "logs", "us-east-1"),
            ("monitoring.ap-southeast-12.amazonaws.com", "monitoring", "ap-southeast-12"),
            ("logs.cn-north-1.amazonaws.com.cn", "logs", "cn-north-1"),
            ("xray.us-gov-west-1.amazonaws.com", "xray", "us-gov-west-1"),
            ("xray.eusc-de-east-1.amazonaws.eu", "xray", "eusc-de-east-1"),
            ("xray-fips.us-east-2.amazonaws.com", "xray", "us-east-2"),
            ("fips-xray.us-east-2.amazonaws.com", "xray", "us-east-2"),
            ("xray.eu-west-1.api.aws", "xray", "eu-west-1"),
            ("logs.cn-north-1.api.amazonwebservices.com.cn", "logs", "cn-north-1"),
            ("vpce-0a1b2c-3d4e5f.xray.eu-west-1.vpce.amazonaws.com", "xray", "eu-west-1"),
            ("vpce-0a1b2c-3d4e5f-eu-west-1a.logs.eu-west-1.vpce.amazonaws.com", "logs", "eu-west-1"),
            ("aps-workspaces.eu-central-1.amazonaws.com", "aps", "eu-central-1"),
            ("dataplane.rum.us-west-2.amazonaws.com", "rum", "us-west-2"),
            ("search-mine-abc123.us-west-2.es.amazonaws.com", "es", "us-west-2"),
            ("mine-abc123.us-west-2.osis.amazonaws.com", "osis", "us-west-2"),
            ("abc123.execute-api.us-west-2.amazonaws.com", "execute-api", "us-west-2"),
            ("abc123.lambda-url.us-west-2.on.aws", "lambda", "us-west-2"),
            ("bucket.s3.eu-north-1.amazonaws.com", "s3", "eu-north-1"),
            ("sts.amazonaws.com", "sts", ""),
        ] {
            let found = Endpoint::of_host(host);
            let found = (found.service.unwrap_or_default(), found.region.unwrap_or_default());
            assert_eq!(found, (service.into(), region.into()), "{host}");
        }
    }

    #[test]
    fn a_host_of_others_tells_nothing() {
        for host in
            ["127.0.0.1", "localhost", "xray.eu-west-1.example.com", "amazonaws.com", "", "evilamazonaws.com"]
        {
            assert_eq!(Endpoint::of_host(host), Endpoint::default(), "{host}");
        }
    }
}
