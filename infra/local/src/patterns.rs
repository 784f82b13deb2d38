//! Event patterns, the part of them that Pesan uses: what a rule of the bus or the filter of a
//! stream takes
//! (<https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html>).

use std::collections::BTreeMap;

use anyhow::{Context as _, bail};
use serde_json::Value;

/// Fields that must all be as said.
#[derive(Clone, Debug)]
pub struct Pattern(BTreeMap<String, Node>);

#[derive(Clone, Debug)]
enum Node {
    Field(Pattern),
    /// One of them is enough.
    Any(Vec<Test>),
}

#[derive(Clone, Debug)]
enum Test {
    Is(Value),
    Prefix(String),
    Suffix(String),
    Exists(bool),
    AnythingBut(Vec<Test>),
}

impl Pattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// Names what it cannot honour.
    pub fn parse(pattern: &Value) -> anyhow::Result<Self> {
        let fields = pattern.as_object().context("a pattern is an object")?;
        let mut read = BTreeMap::new();
        for (name, value) in fields {
            let node = match value {
                Value::Object(_) => Self::parse(value).map(Node::Field),
                Value::Array(tests) => tests
                    .iter()
                    .map(test)
                    .collect::<Result<_, _>>()
                    .map(Node::Any),
                other => bail!("{name}: {other} is no list"),
            };
            read.insert(name.clone(), node.with_context(|| name.clone())?);
        }
        Ok(Self(read))
    }

    /// Whether the pattern takes the event.
    pub fn takes(&self, event: &Value) -> bool {
        self.0.iter().all(|(name, node)| {
            let there = event.get(name);
            match node {
                Node::Field(pattern) => pattern.takes(there.unwrap_or(&Value::Null)),
                Node::Any(tests) => tests.iter().any(|test| test.takes(there)),
            }
        })
    }
}

fn test(value: &Value) -> anyhow::Result<Test> {
    let Value::Object(fields) = value else {
        return Ok(Test::Is(value.clone()));
    };
    let mut fields = fields.iter();
    let (Some((name, operand)), None) = (fields.next(), fields.next()) else {
        bail!("{value} is not one operator");
    };
    let text = || {
        let text = operand.as_str().map(str::to_owned);
        text.with_context(|| format!("{name}: {operand} is no text"))
    };
    Ok(match name.as_str() {
        "prefix" => Test::Prefix(text()?),
        "suffix" => Test::Suffix(text()?),
        "exists" => Test::Exists(operand.as_bool().context("exists: true or false")?),
        "anything-but" => {
            let tests = match operand {
                Value::Array(tests) => tests.iter().map(test).collect::<Result<_, _>>()?,
                one => vec![test(one)?],
            };
            Test::AnythingBut(tests)
        }
        other => bail!("the operator {other} is not known to the local stack"),
    })
}

impl Test {
    fn takes(&self, there: Option<&Value>) -> bool {
        let is_there = there.is_some_and(|value| !value.is_object());
        match (self, there) {
            (Self::Exists(wanted), _) => is_there == *wanted,
            // One of a list's values is enough.
            (_, Some(Value::Array(values))) => values.iter().any(|value| self.takes(Some(value))),
            (Self::Is(wanted), Some(value)) => wanted == value,
            (Self::Prefix(start), Some(Value::String(text))) => text.starts_with(start),
            (Self::Suffix(end), Some(Value::String(text))) => text.ends_with(end),
            (Self::AnythingBut(tests), Some(_)) => {
                is_there && !tests.iter().any(|test| test.takes(there))
            }
            (Self::Prefix(_) | Self::Suffix(_), Some(_)) | (_, None) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_pattern_takes_what_it_describes() {
        let event = json!({
            "detail-type": "message.queued", "source": "pesan",
            "detail": {"urgency": "bulk", "n": 3, "tags": ["a", "b"], "gone": null},
        });
        for (pattern, taken) in [
            (json!({"source": ["pesan"]}), true),
            (json!({"source": ["other", "pesan"]}), true),
            (json!({"source": ["other"]}), false),
            (
                json!({"source": ["pesan"], "detail": {"urgency": ["urgent"]}}),
                false,
            ),
            (json!({"detail-type": [{"prefix": "message."}]}), true),
            (json!({"detail-type": [{"prefix": "queued"}]}), false),
            (json!({"detail-type": [{"suffix": ".queued"}]}), true),
            (
                json!({"detail": {"urgency": [{"anything-but": "urgent"}]}}),
                true,
            ),
            (
                json!({"detail": {"urgency": [{"anything-but": ["urgent", "bulk"]}]}}),
                false,
            ),
            (
                json!({"detail": {"urgency": [{"anything-but": {"prefix": "bu"}}]}}),
                false,
            ),
            (
                json!({"detail": {"missing": [{"anything-but": "x"}]}}),
                false,
            ),
            (json!({"detail": {"missing": [{"exists": false}]}}), true),
            (json!({"detail": {"urgency": [{"exists": true}]}}), true),
            (json!({"detail": {"n": [3]}}), true),
            (json!({"detail": {"n": ["3"]}}), false),
            (json!({"detail": {"tags": ["b"]}}), true),
            (json!({"detail": {"gone": [null]}}), true),
            (json!({"detail": {"missing": ["x"]}}), false),
            (
                json!({"detail": {"missing": {"deeper": [{"exists": false}]}}}),
                true,
            ),
        ] {
            let read = Pattern::parse(&pattern).unwrap();
            assert_eq!(read.takes(&event), taken, "{pattern}");
        }
    }

    #[test]
    fn an_operator_that_is_not_known_is_refused_by_name() {
        for (pattern, complaint) in [
            (json!({"a": [{"numeric": [">", 1]}]}), "numeric"),
            (json!({"a": "b"}), "is no list"),
            (json!({"a": [{"prefix": 1}]}), "is no text"),
        ] {
            let refused = format!("{:#}", Pattern::parse(&pattern).unwrap_err());
            assert!(refused.contains(complaint), "{refused}");
        }
    }
}
