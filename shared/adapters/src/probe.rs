//! A caller from outside, who finds out whether this deployment answers as it should.

use std::collections::BTreeMap;

use crate::http::{CallError, ClientError, client};

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
    pub async fn post(&self, url: &str, fields: &BTreeMap<&str, &str>) -> Result<u16, CallError> {
        let response = self.0.post(url).json(fields).send().await?;
        Ok(response.status().as_u16())
    }
}
