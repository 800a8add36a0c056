//! Whether a token lets its bearer in, as RDS looks at it: a URL that Signature Version 4 signs in its query, for the service
//! `rds-db`. See “Connecting to your DB instance using IAM authentication” in the RDS User Guide, and “Authenticating Requests:
//! Using Query Parameters” in Amazon S3's API reference for how a query is signed.

use super::Keys;
use anyhow::{Context as _, Result};
use aws_credential_types::Credentials;
use aws_sigv4::http_request::{
    SignableBody, SignableRequest, SignatureLocation, SigningSettings, sign,
};
use aws_sigv4::sign::v4::SigningParams;
use local_aws::REGION;
use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

/// What every token has as it is.
const FIXED: [(&str, &str); 4] = [
    ("Action", "connect"),
    ("X-Amz-Algorithm", "AWS4-HMAC-SHA256"),
    ("X-Amz-Expires", "900"),
    ("X-Amz-SignedHeaders", "host"),
];
const LIFETIME: Duration = Duration::from_mins(15);

/// To which server a token must lead, and as whom.
#[derive(Debug, Clone, Copy)]
pub struct Door<'a> {
    /// The server's names: one, but while it is renamed.
    pub hosts: &'a [String],
    /// Its port.
    pub port: u16,
    /// The role.
    pub user: &'a str,
}

/// Why a token does not let in, if it doesn't.
pub fn check(token: &str, door: &Door<'_>, keys: &Keys, now: SystemTime) -> Result<(), String> {
    let token = Token::read(token)?;
    let at = |host: &String| format!("{host}:{}", door.port) == token.authority;
    if !door.hosts.iter().any(at) {
        return Err(format!("it is for {}", token.authority));
    }
    let user = token.field("DBUser")?;
    if user != door.user {
        return Err(format!("it is for the user {user}"));
    }
    for (name, value) in FIXED {
        if token.field(name)? != value {
            return Err(format!("its {name} is not {value}"));
        }
    }
    let signer = token.signer()?;
    if (signer.region, signer.rest) != (REGION, "rds-db/aws4_request") {
        let scope = format!("{}/{}", signer.region, signer.rest);
        return Err(format!("it is signed for {scope}"));
    }
    let secret = keys.get(signer.key).ok_or("its access key is unknown")?;
    let expected = token.signature(&signer, secret);
    let expected = expected.map_err(|failed| format!("it can't be signed: {failed:#}"))?;
    if token.field("X-Amz-Signature")? != expected {
        return Err("its signature is another".to_owned());
    }
    match now.duration_since(signer.at) {
        Ok(age) if age > LIFETIME => Err("it has expired".to_owned()),
        _ => Ok(()),
    }
}

/// A token in its parts.
struct Token {
    authority: String,
    fields: BTreeMap<String, String>,
}

/// Who signed a token, and when.
struct Signer<'a> {
    key: &'a str,
    region: &'a str,
    rest: &'a str,
    at: SystemTime,
}

impl Token {
    fn read(text: &str) -> Result<Self, String> {
        let (authority, query) = text.split_once("/?").ok_or("it is no token")?;
        let pairs = form_urlencoded::parse(query.as_bytes()).into_owned();
        let fields: BTreeMap<String, String> = pairs.collect();
        let known = [
            "DBUser",
            "X-Amz-Credential",
            "X-Amz-Date",
            "X-Amz-Signature",
        ];
        let fixed = FIXED.map(|(name, _)| name);
        let unknown = fields.keys().find(|name| {
            let name = name.as_str();
            name != "X-Amz-Security-Token" && !known.contains(&name) && !fixed.contains(&name)
        });
        match unknown {
            Some(name) => Err(format!("it has {name}")),
            None => Ok(Self {
                authority: authority.to_owned(),
                fields,
            }),
        }
    }

    fn field(&self, name: &str) -> Result<&str, String> {
        let value = self.fields.get(name).map(String::as_str);
        value.ok_or_else(|| format!("it has no {name}"))
    }

    fn signer(&self) -> Result<Signer<'_>, String> {
        let date = self.field("X-Amz-Date")?;
        let at = jiff::civil::DateTime::strptime("%Y%m%dT%H%M%SZ", date);
        let at = at.and_then(|at| at.to_zoned(jiff::tz::TimeZone::UTC));
        let at = at.map_err(|failed| format!("its date is none: {failed}"))?;
        let mut scope = self.field("X-Amz-Credential")?.splitn(4, '/');
        match (scope.next(), scope.next(), scope.next(), scope.next()) {
            (Some(key), Some(day), Some(region), Some(rest)) if date.starts_with(day) => {
                Ok(Signer {
                    key,
                    region,
                    rest,
                    at: at.timestamp().into(),
                })
            }
            _ => Err("its credential is none".to_owned()),
        }
    }

    /// The signature that it must have.
    fn signature(&self, signer: &Signer<'_>, secret: &str) -> Result<String> {
        let session = self.fields.get("X-Amz-Security-Token").cloned();
        let identity = Credentials::new(signer.key, secret, session, None, "the gate").into();
        let mut settings = SigningSettings::default();
        settings.expires_in = Some(LIFETIME);
        settings.signature_location = SignatureLocation::QueryParams;
        let params = SigningParams::builder()
            .identity(&identity)
            .region(signer.region)
            .name("rds-db")
            .time(signer.at)
            .settings(settings)
            .build()?;
        let user = self.fields.get("DBUser").context("a user")?;
        let query = form_urlencoded::Serializer::new(String::new())
            .append_pair("Action", "connect")
            .append_pair("DBUser", user)
            .finish();
        let url = format!("https://{}/?{query}", self.authority);
        let request = SignableRequest::new("GET", url, std::iter::empty(), SignableBody::empty())?;
        Ok(sign(request, &params.into())?.into_parts().1)
    }
}
