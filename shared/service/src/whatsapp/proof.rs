//! Who calls: Meta alone knows the app's secret.

use data_encoding::HEXLOWER_PERMISSIVE;
use hmac::{Hmac, KeyInit, Mac};
use pesan_adapters::secrets::{WHATSAPP_APP_SECRET, WHATSAPP_VERIFY_TOKEN};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;

use crate::{App, Failure, same_secret};

/// Whether `header`, of the form `sha256=` and 64 hexadecimal digits, signs the bytes that were
/// received with one of the app's secrets
/// (<https://developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/create-webhook-endpoint>).
///
/// # Errors
/// [`Failure::NotAuthentic`]; [`Failure::Unavailable`] without a secret, whatever the header.
pub async fn authentic(app: &App, header: Option<&str>, body: &[u8]) -> Result<(), Failure> {
    let given = header.and_then(digest);
    let knows = |secrets: &SecretString| {
        given.as_ref().is_some_and(|given| {
            let each = secrets.expose_secret().lines().map(str::trim);
            each.filter(|secret| !secret.is_empty())
                .any(|secret| signs(secret, body, given))
        })
    };
    if given.is_none() {
        app.deployment_secret(WHATSAPP_APP_SECRET).await?;
        return Err(Failure::NotAuthentic);
    }
    app.proven_to_deployment(WHATSAPP_APP_SECRET, knows).await
}

/// Whether `token` is what was entered beside the webhook's address.
///
/// # Errors
/// As [`authentic`].
pub async fn verified(app: &App, token: &str) -> Result<(), Failure> {
    let knows = |secret: &SecretString| same_secret(secret, token);
    app.proven_to_deployment(WHATSAPP_VERIFY_TOKEN, knows).await
}

fn digest(header: &str) -> Option<Vec<u8>> {
    let hex = header.strip_prefix("sha256=")?;
    HEXLOWER_PERMISSIVE.decode(hex.as_bytes()).ok()
}

/// In constant time; a digest of another length is none.
fn signs(secret: &str, body: &[u8], given: &[u8]) -> bool {
    Hmac::<Sha256>::new_from_slice(secret.as_bytes()).is_ok_and(|mut mac| {
        mac.update(body);
        mac.verify_slice(given).is_ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a8_signatures_of_another_form_sign_nothing() {
        let (secret, body) = (
            "test_app_secret",
            br#"{"object":"whatsapp_business_account","entry":[]}"#,
        );
        let hex = "dec6a680679a968e7e0319355b23599cbfc54502c0784668e9618baa0c633756";
        let taken = |header: &str| digest(header).is_some_and(|given| signs(secret, body, &given));
        assert!(taken(&format!("sha256={hex}")));
        assert!(taken(&format!("sha256={}", hex.to_uppercase())));
        for other in [
            "",
            "sha256=",
            hex,
            &format!("sha1={hex}"),
            &format!("SHA256={hex}"),
            &format!("sha256={}", &hex[..63]),
            &format!("sha256={}", &hex[..62]),
            &format!("sha256={hex}00"),
            &format!("sha256= {hex}"),
            &format!("sha256={}g", &hex[..63]),
            &format!("sha256={}é", &hex[..62]),
        ] {
            assert!(!taken(other), "{other}");
        }
    }
}
