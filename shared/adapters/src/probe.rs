//! A caller from outside, who finds out whether this deployment answers as it should.

use std::collections::BTreeMap;

use secrecy::{ExposeSecret as _, SecretString};

use crate::http::{CallError, ClientError, client};

/// In which Telegram sends a webhook's secret.
const SECRET_HEADER: &str = "X-Telegram-Bot-Api-Secret-Token";

/// Calls this deployment's own addresses.
#[derive(Clone, Debug)]
pub struct Probe(reqwest::Client);

impl Probe {
    /// Makes one.
    ///
    /// # Errors
    /// When no HTTP client can be made.
    pub fn new() -> Result<Self, ClientError> {
        client().map(Self)
    }

    /// The status that a page is answered with.
    ///
    /// # Errors
    /// [`CallError::Unknown`] where nobody answers.
    pub async fn get(&self, url: &str) -> Result<u16, CallError> {
        let response = self.0.get(url).send().await?;
        Ok(response.status().as_u16())
    }

    /// The status that a webhook answers a JSON object of texts with.
    ///
    /// # Errors
    /// [`CallError::Unknown`] where nobody answers.
    pub async fn notify(&self, url: &str, fields: &BTreeMap<&str, &str>) -> Result<u16, CallError> {
        let response = self.0.post(url).json(fields).send().await?;
        Ok(response.status().as_u16())
    }

    /// The status that a bot's webhook answers an update of no known kind with.
    ///
    /// # Errors
    /// [`CallError::Unknown`] where nobody answers.
    pub async fn update(&self, url: &str, secret: &SecretString) -> Result<u16, CallError> {
        let response = self
            .0
            .post(url)
            .header(SECRET_HEADER, secret.expose_secret())
            .json(&BTreeMap::from([("update_id", 0)]))
            .send()
            .await?;
        Ok(response.status().as_u16())
    }
}
