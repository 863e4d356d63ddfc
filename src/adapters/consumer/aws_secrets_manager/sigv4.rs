//! AWS Signature Version 4, as far as a POST with a body needs it.
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html>
//!
//! Own code because it is a page of hashing with published test vectors, and the SDK's signer brings its own HTTP types,
//! runtime and identity layers with it.

use chrono::SecondsFormat;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::domain::secret::Secret;
use crate::domain::time::Timestamp;

const ALGORITHM: &str = "AWS4-HMAC-SHA256";

/// Who signs, and for which service.
pub(super) struct Scope<'a> {
    pub access_key_id: &'a str,
    pub secret_access_key: &'a Secret,
    pub region: &'a str,
    pub service: &'a str,
}

/// `20150830T123600Z`, the form in which the time is signed and sent in `x-amz-date`.
pub(super) fn amz_date(at: Timestamp) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true).replace(['-', ':'], "")
}

/// The `Authorization` header of `method` to the path `/` without a query. `headers` are those that are signed: lower-case names
/// in ascending order, `host` and `x-amz-date` among them, values without surrounding space.
pub(super) fn authorization(
    scope: &Scope<'_>,
    method: &str,
    headers: &[(&str, &str)],
    body: &[u8],
    amz_date: &str,
) -> String {
    let canonical_headers: String = headers.iter().map(|(name, value)| format!("{name}:{value}\n")).collect();
    let signed_headers = headers.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(";");
    let payload = hex::encode(Sha256::digest(body));
    // The empty line stands for the query.
    let request = Zeroizing::new(format!("{method}\n/\n\n{canonical_headers}\n{signed_headers}\n{payload}"));

    let day = amz_date.split('T').next().unwrap_or_default();
    let credential_scope = format!("{day}/{}/{}/aws4_request", scope.region, scope.service);
    let hashed_request = hex::encode(Sha256::digest(request.as_bytes()));
    let to_sign = format!("{ALGORITHM}\n{amz_date}\n{credential_scope}\n{hashed_request}");

    let mut key = Zeroizing::new(format!("AWS4{}", scope.secret_access_key.expose()).into_bytes());
    for part in [day, scope.region, scope.service, "aws4_request"] {
        key = hmac(&key, part);
    }
    let signature = hex::encode(hmac(&key, &to_sign));
    format!(
        "{ALGORITHM} Credential={}/{credential_scope}, SignedHeaders={signed_headers}, Signature={signature}",
        scope.access_key_id
    )
}

fn hmac(key: &[u8], message: &str) -> Zeroizing<Vec<u8>> {
    // RFC 2104: a key may have any length, so that this cannot fail.
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("any length is a key");
    mac.update(message.as_bytes());
    Zeroizing::new(mac.finalize().into_bytes().to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: &str = "20150830T123600Z";

    /// The suite that AWS published (`aws-sig-v4-test-suite`): its credentials and scope.
    fn sign(method: &str, headers: &[(&str, &str)], body: &str) -> String {
        let secret = Secret::new("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY".to_owned()).unwrap();
        let scope =
            Scope { access_key_id: "AKIDEXAMPLE", secret_access_key: &secret, region: "us-east-1", service: "service" };
        authorization(&scope, method, headers, body.as_bytes(), AT)
    }

    #[test]
    fn the_published_vectors() {
        let plain = [("host", "example.amazonaws.com"), ("x-amz-date", AT)];
        let form = [
            ("content-type", "application/x-www-form-urlencoded"),
            ("host", "example.amazonaws.com"),
            ("x-amz-date", AT),
        ];
        for (vector, authorization, names, signature) in [
            (
                "get-vanilla",
                sign("GET", &plain, ""),
                "host;x-amz-date",
                "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
            ),
            (
                "post-vanilla",
                sign("POST", &plain, ""),
                "host;x-amz-date",
                "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b",
            ),
            (
                "post-x-www-form-urlencoded",
                sign("POST", &form, "Param1=value1"),
                "content-type;host;x-amz-date",
                "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a",
            ),
        ] {
            let expected = format!(
                "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, SignedHeaders={names}, Signature={signature}"
            );
            assert_eq!(authorization, expected, "{vector}");
        }
    }

    #[test]
    fn the_time_is_written_without_marks() {
        let at = chrono::DateTime::from_timestamp(1_440_938_160, 999_000_000).unwrap();
        assert_eq!(amz_date(at), AT);
    }
}
