//! The keys of a deployment: what all merchants share and only its functions know.

use pesan_adapters::secrets::{CONTACT_KEY, LINK_KEY};

use crate::merchants::OperatorError;
use crate::{App, fresh_secret};

/// Every key, by its parameter and in words.
pub const KEYS: [(&str, &str); 2] = [(LINK_KEY, "link key"), (CONTACT_KEY, "contact key")];

/// Makes the keys that are missing; which. One that is there is never touched: links and contacts
/// are found by it.
///
/// # Errors
/// [`OperatorError::Unavailable`]
pub async fn create(app: &App) -> Result<Vec<&'static str>, OperatorError> {
    let mut made = Vec::new();
    for (parameter, words) in KEYS {
        if app.parameters.create(parameter, &fresh_secret()).await? {
            made.push(words);
        }
    }
    Ok(made)
}
