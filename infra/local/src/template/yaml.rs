//! YAML with CloudFormation's short tags, as JSON with its long names.

use anyhow::Context as _;
use serde_json::{Map, Value, json};

/// Reads a template's text.
pub(super) fn read(text: &str) -> anyhow::Result<Value> {
    plain(serde_yaml_ng::from_str(text)?)
}

fn plain(yaml: serde_yaml_ng::Value) -> anyhow::Result<Value> {
    use serde_yaml_ng::Value as Yaml;
    Ok(match yaml {
        Yaml::Tagged(tagged) => {
            let tag = tagged.tag.to_string();
            let name = tag.trim_start_matches('!');
            let long = match name {
                "Ref" | "Condition" => name.to_owned(),
                _ => format!("Fn::{name}"),
            };
            json!({ long: plain(tagged.value)? })
        }
        Yaml::Sequence(items) => {
            Value::Array(items.into_iter().map(plain).collect::<Result<_, _>>()?)
        }
        Yaml::Mapping(entries) => {
            let mut map = Map::new();
            for (key, value) in entries {
                let key = key.as_str().context("a key that is no text")?.to_owned();
                map.insert(key, plain(value)?);
            }
            Value::Object(map)
        }
        scalar => serde_json::to_value(scalar)?,
    })
}
