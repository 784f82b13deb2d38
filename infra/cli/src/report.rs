//! What a command says, for people or for programs.

use std::io::Write as _;

use pesan_domain::field::FieldRefused;
use pesan_service::merchants::OperatorError;
use pesan_service::subscribers::RegistryError;
use serde_json::{Value, json};

/// The outcome of a command.
#[derive(Debug)]
pub struct Report {
    text: String,
    json: Value,
    /// Whether the command's exit code is 0.
    pub is_good: bool,
}

impl Report {
    /// One that holds.
    pub fn good(text: impl Into<String>, json: Value) -> Self {
        Self {
            text: text.into(),
            json,
            is_good: true,
        }
    }

    /// One whose command did not come to what was asked.
    pub fn bad(text: impl Into<String>, json: Value) -> Self {
        Self {
            is_good: false,
            ..Self::good(text, json)
        }
    }

    /// A text that is the answer in both.
    pub fn text(text: impl Into<String>) -> Self {
        let text = text.into();
        let json = json!({ "text": text });
        Self::good(text, json)
    }

    /// Prints it.
    pub fn print(&self, json: bool) -> std::io::Result<()> {
        let mut out = std::io::stdout().lock();
        if json {
            writeln!(out, "{:#}", self.json)?;
        } else {
            writeln!(out, "{}", self.text.trim_end())?;
        }
        out.flush()
    }
}

/// Says why a command changed nothing: to standard error, and as JSON where programs read.
pub fn print_error(error: &anyhow::Error, json: bool) -> std::io::Result<()> {
    if json {
        let field = match (error.downcast_ref(), error.downcast_ref()) {
            (Some(OperatorError::Field(FieldRefused { field, .. })), _)
            | (_, Some(RegistryError::Field(FieldRefused { field, .. }))) => Some(*field),
            _ => None,
        };
        let body = json!({"error": {"message": format!("{error:#}"), "field": field}});
        return writeln!(std::io::stdout().lock(), "{body:#}");
    }
    writeln!(std::io::stderr().lock(), "error: {error:#}")
}
