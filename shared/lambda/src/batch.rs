//! Batches as queues and streams hand them over, and the answer that says which of them must come
//! again (<https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html>,
//! <https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-batchfailurereporting.html>).

use serde_json::{Value, json};

use crate::InvocationFailed;

/// One of a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record<'a> {
    /// What the answer names it by: SQS' message id, a stream's sequence number.
    pub id: &'a str,
    /// The record itself.
    pub record: &'a Value,
}

/// The records of a queue's event.
///
/// # Errors
/// [`InvocationFailed`] where it is no such event.
pub fn queue(event: &Value) -> Result<Vec<Record<'_>>, InvocationFailed> {
    records(event, "/messageId")
}

/// The records of a table's stream.
///
/// # Errors
/// [`InvocationFailed`] where it is no such event.
pub fn stream(event: &Value) -> Result<Vec<Record<'_>>, InvocationFailed> {
    records(event, "/dynamodb/SequenceNumber")
}

fn records<'a>(event: &'a Value, id: &str) -> Result<Vec<Record<'a>>, InvocationFailed> {
    let records = event.get("Records").and_then(Value::as_array);
    let named = records.into_iter().flatten().map(|record| {
        let id = record.pointer(id)?.as_str()?;
        Some(Record { id, record })
    });
    let named: Option<Vec<Record<'_>>> = named.collect();
    match (records, named) {
        (Some(_), Some(named)) => Ok(named),
        // A record without a name could not be told apart from those that were done.
        _ => {
            tracing::error!(
                kind = "batch",
                outcome = "unreadable",
                alarm = "batch unreadable"
            );
            Err(InvocationFailed)
        }
    }
}

/// The answer: these must come again.
#[must_use]
pub fn again<'a>(ids: impl IntoIterator<Item = &'a str>) -> Value {
    let failures: Vec<Value> = ids
        .into_iter()
        .map(|id| json!({"itemIdentifier": id}))
        .collect();
    json!({"batchItemFailures": failures})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_named_as_its_source_names_it() {
        let event = json!({"Records": [{"messageId": "m-1", "body": "{}"}, {"messageId": "m-2"}]});
        let ids: Vec<&str> = queue(&event).unwrap().iter().map(|one| one.id).collect();
        assert_eq!(ids, ["m-1", "m-2"]);
        let event = json!({"Records": [{"dynamodb": {"SequenceNumber": "7"}}]});
        assert_eq!(stream(&event).unwrap()[0].id, "7");
        assert_eq!(
            again(["m-1"]),
            json!({"batchItemFailures": [{"itemIdentifier": "m-1"}]})
        );
    }

    #[test]
    fn what_cannot_be_named_fails_as_a_whole() {
        for event in [json!({}), json!({"Records": [{"body": "{}"}]}), json!([])] {
            assert_eq!(queue(&event), Err(InvocationFailed));
        }
    }
}
