//! Strict reading of JSON that came from outside.

use serde::de::DeserializeOwned;

/// Reads `T` from `body`.
///
/// The body is first read as a whole: a field that `T` ignores is then held to the same limits
/// (depth 128, no lone surrogate, no byte order mark) as the ones it uses. `T` itself refuses a
/// field that is given twice.
///
/// # Errors
/// What is wrong and where. It may quote a value: log its category and place, never its text.
pub fn strict<T: DeserializeOwned>(body: &[u8]) -> Result<T, serde_json::Error> {
    serde_json::from_slice::<serde_json::Value>(body)?;
    serde_json::from_slice(body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(serde::Deserialize)]
    struct Wire {
        #[expect(dead_code, reason = "only whether it can be read matters")]
        order_id: String,
    }

    #[test]
    fn i1_malformed_bodies_are_refused() {
        let deep = format!(
            "{{\"order_id\":\"1\",\"x\":{}{}}}",
            "[".repeat(10_000),
            "]".repeat(10_000)
        );
        for bad in [
            "",
            "{",
            "{\"order_id\":\"1\"",
            "{\"order_id\":\"1\",\"order_id\":\"2\"}",
            "{\"order_id\":NaN}",
            "{\"order_id\":\"1\",\"x\":Infinity}",
            "\u{feff}{\"order_id\":\"1\"}",
            "{\"order_id\":\"1\",\"x\":\"\\ud800\"}",
            "{\"order_id\":1}",
            deep.as_str(),
        ] {
            assert!(strict::<Wire>(bad.as_bytes()).is_err(), "{bad:.40}");
        }
        let utf16: Vec<u8> = "{\"order_id\":\"1\"}"
            .encode_utf16()
            .flat_map(u16::to_le_bytes)
            .collect();
        assert!(strict::<Wire>(&utf16).is_err());
        assert!(strict::<Wire>(b"{\"order_id\":\"1\",\"new\":[{}]}").is_ok());
    }
}
