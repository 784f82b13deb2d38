//! The embedded DynamoDB, and the door before it where faults are injected and calls are counted.

use std::path::Path;

use anyhow::Context as _;
use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, Method, Response, StatusCode, Uri, header};
use axum::response::IntoResponse as _;
use dynoxide::{Database, DynoxideError};
use jiff::Timestamp;
use pesan_adapters::aws::Aws;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::activity::Activity;
use crate::streams::Writes;

/// Operations that change nothing; what is not among them may have changed something.
const READS: [&str; 5] = [
    "BatchGetItem",
    "GetItem",
    "Query",
    "Scan",
    "TransactGetItems",
];
const DUE_SHARDS: u8 = 16;

/// The embedded database, in this process. A clone is the same one.
#[derive(Clone)]
pub struct Embedded(Database);

/// Opens the database in `folder` or in memory, with the table that the template describes.
pub fn open(folder: Option<&Path>, table: &Value) -> anyhow::Result<Embedded> {
    let database = match folder {
        Some(folder) => {
            let path = folder.join("dynamodb.sqlite");
            Database::new(path.to_str().context("the data folder is no UTF-8")?)
        }
        None => Database::memory(),
    }
    .map_err(|error| anyhow::anyhow!("the embedded DynamoDB does not open: {error}"))?;
    match database.create_table(serde_json::from_value(table.clone())?) {
        Ok(_) => {}
        Err(DynoxideError::ResourceInUseException(_)) => with_stream(&database, table)?,
        Err(error) => anyhow::bail!("the table of the template is not made: {error}"),
    }
    Ok(Embedded(database))
}

/// A table that an older template made has no stream yet.
fn with_stream(database: &Database, table: &Value) -> anyhow::Result<()> {
    let described = database.describe_table(serde_json::from_value(json!({"TableName": "pesan"}))?);
    let described = serde_json::to_value(described.map_err(failed)?)?;
    let has_stream = described.pointer("/Table/LatestStreamArn").is_some();
    if let Some(stream) = table.get("StreamSpecification").filter(|_| !has_stream) {
        let request = json!({"TableName": "pesan", "StreamSpecification": stream});
        database
            .update_table(serde_json::from_value(request)?)
            .map_err(failed)?;
    }
    Ok(())
}

fn failed(error: DynoxideError) -> anyhow::Error {
    anyhow::anyhow!("the embedded DynamoDB: {error}")
}

impl Embedded {
    /// Serves it on a port of its own.
    pub async fn serve(&self) -> anyhow::Result<String> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let database = self.0.clone();
        tokio::spawn(async move {
            let served =
                dynoxide::server::serve_with_shutdown(listener, database, std::future::pending());
            if let Err(error) = served.await {
                tracing::error!(kind = "dynamodb", outcome = "ended", error);
            }
        });
        Ok(format!("http://{address}"))
    }

    /// The table's stream, where it has one.
    ///
    /// # Errors
    /// When the table cannot be described.
    pub fn stream(&self) -> anyhow::Result<Option<Stream>> {
        let request = serde_json::from_value(json!({"TableName": "pesan"}))?;
        let table = serde_json::to_value(self.0.describe_table(request).map_err(failed)?)?;
        let Some(arn) = table
            .pointer("/Table/LatestStreamArn")
            .and_then(Value::as_str)
        else {
            return Ok(None);
        };
        let request = serde_json::from_value(json!({"StreamArn": arn}))?;
        let stream = serde_json::to_value(self.0.describe_stream(request).map_err(failed)?)?;
        let shard = stream.pointer("/StreamDescription/Shards/0/ShardId");
        let shard = shard
            .and_then(Value::as_str)
            .context("the stream has no shard")?;
        Ok(Some(Stream {
            database: self.0.clone(),
            arn: arn.to_owned(),
            shard: shard.to_owned(),
        }))
    }

    /// Due rows (DESIGN section 4) as `instant#kind#id`: those up to `until`.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub fn due(&self, until: Timestamp) -> anyhow::Result<Vec<String>> {
        let mut due = Vec::new();
        for shard in 0..DUE_SHARDS {
            due.extend(self.sort_keys(shard, "<=", until, 1_000)?);
        }
        Ok(due)
    }

    /// The instant of the first due row after a second.
    ///
    /// # Errors
    /// When the table cannot be read.
    pub fn next_due(&self, after: Timestamp) -> anyhow::Result<Option<Timestamp>> {
        let mut first: Option<String> = None;
        for shard in 0..DUE_SHARDS {
            let next = self.sort_keys(shard, ">", after, 1)?.pop();
            first = match (first, next) {
                (Some(first), Some(next)) => Some(first.min(next)),
                (first, next) => first.or(next),
            };
        }
        let instant = first.as_deref().and_then(|key| key.split('#').next());
        let instant =
            instant.map(|instant| instant.parse().with_context(|| format!("{instant} is due")));
        instant.transpose()
    }

    fn sort_keys(
        &self,
        shard: u8,
        compared: &str,
        with: Timestamp,
        most: u16,
    ) -> anyhow::Result<Vec<String>> {
        // After everything of that second: the tilde comes after the hash.
        let bound = with.strftime("%Y-%m-%dT%H:%M:%SZ~").to_string();
        let query = json!({
            "TableName": "pesan",
            "KeyConditionExpression": format!("PK = :pk AND SK {compared} :bound"),
            "ExpressionAttributeValues": {":pk": {"S": format!("DUE#{shard}")}, ":bound": {"S": bound}},
            "Limit": most,
        });
        let found = self
            .0
            .query(serde_json::from_value(query)?)
            .map_err(failed)?;
        let found = serde_json::to_value(found)?;
        let items = found.get("Items").and_then(Value::as_array);
        let key = |item: &Value| Some(item.pointer("/SK/S")?.as_str()?.to_owned());
        Ok(items.into_iter().flatten().filter_map(key).collect())
    }
}

/// The table's stream, which has one shard.
#[derive(Clone)]
pub struct Stream {
    database: Database,
    arn: String,
    shard: String,
}

impl Stream {
    /// Its name.
    pub fn arn(&self) -> &str {
        &self.arn
    }

    /// The next records after a sequence number, or from the beginning.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn read(&self, after: Option<String>) -> anyhow::Result<Vec<Value>> {
        let stream = self.clone();
        tokio::task::spawn_blocking(move || stream.read_now(after.as_deref())).await?
    }

    fn read_now(&self, after: Option<&str>) -> anyhow::Result<Vec<Value>> {
        let mut request = json!({
            "StreamArn": self.arn,
            "ShardId": self.shard,
            "ShardIteratorType": "TRIM_HORIZON",
        });
        if let (Some(after), Some(fields)) = (after, request.as_object_mut()) {
            fields.insert(
                "ShardIteratorType".to_owned(),
                json!("AFTER_SEQUENCE_NUMBER"),
            );
            fields.insert("SequenceNumber".to_owned(), json!(after));
        }
        let iterator = self
            .database
            .get_shard_iterator(serde_json::from_value(request)?);
        let iterator = serde_json::to_value(iterator.map_err(failed)?)?;
        let records = self.database.get_records(serde_json::from_value(iterator)?);
        let records = serde_json::to_value(records.map_err(failed)?)?;
        let records = records.get("Records").and_then(Value::as_array);
        Ok(records.cloned().unwrap_or_default())
    }
}

/// The way to the embedded database for everybody else.
#[derive(Clone)]
pub struct Door {
    /// What it is reached through.
    pub http: reqwest::Client,
    /// Where it is.
    pub upstream: String,
    /// Who is told of writes.
    pub writes: Writes,
    /// What is under way.
    pub activity: Activity,
}

impl Door {
    /// The door behind any path.
    pub fn router(self) -> Router {
        Router::new().fallback(forward).with_state(self)
    }
}

async fn forward(
    State(door): State<Door>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: axum::body::Bytes,
) -> Response<Body> {
    let target = headers
        .get("x-amz-target")
        .and_then(|value| value.to_str().ok());
    let operation = target.and_then(|target| target.rsplit('.').next());
    let is_read = operation.is_some_and(|operation| READS.contains(&operation));
    let url = format!("{}{}", door.upstream, uri.path());
    let mut passed = headers;
    passed.remove(header::HOST);
    passed.remove(header::CONTENT_LENGTH);
    let request = door.http.request(method, url).headers(passed).body(body);
    if is_read {
        return answered(request.send().await).await;
    }
    // To its end even when the caller is killed meanwhile, and known to idle.
    let flight = door.activity.flight();
    let written = tokio::spawn(async move {
        let sent = request.send().await;
        door.writes.seen(&door.activity);
        drop(flight);
        answered(sent).await
    });
    written
        .await
        .unwrap_or_else(|_| StatusCode::BAD_GATEWAY.into_response())
}

async fn answered(sent: reqwest::Result<reqwest::Response>) -> Response<Body> {
    let Ok(response) = sent else {
        return StatusCode::BAD_GATEWAY.into_response();
    };
    let status = response.status();
    let content_type = response
        .headers()
        .get(header::CONTENT_TYPE)
        .cloned()
        .unwrap_or(HeaderValue::from_static("application/x-amz-json-1.0"));
    match response.bytes().await {
        Ok(bytes) => (status, [(header::CONTENT_TYPE, content_type)], bytes).into_response(),
        Err(_) => StatusCode::BAD_GATEWAY.into_response(),
    }
}

/// Every row of the table, for the demo's last word.
pub async fn rows(aws: &Aws) -> anyhow::Result<Vec<Value>> {
    let answer = aws.dynamodb().scan().table_name("pesan").send().await?;
    answer
        .items
        .unwrap_or_default()
        .into_iter()
        .map(|item| Ok(serde_dynamo::from_item(item)?))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Value {
        json!({
            "TableName": "pesan",
            "BillingMode": "PAY_PER_REQUEST",
            "AttributeDefinitions": [
                {"AttributeName": "PK", "AttributeType": "S"},
                {"AttributeName": "SK", "AttributeType": "S"},
            ],
            "KeySchema": [
                {"AttributeName": "PK", "KeyType": "HASH"},
                {"AttributeName": "SK", "KeyType": "RANGE"},
            ],
        })
    }

    fn put(database: &Embedded, partition: &str, sort: &str) {
        let item = json!({"PK": {"S": partition}, "SK": {"S": sort}});
        let request = json!({"TableName": "pesan", "Item": item});
        let put = database
            .0
            .put_item(serde_json::from_value(request).unwrap());
        assert!(put.is_ok());
    }

    #[test]
    fn due_rows_are_found_in_every_partition_by_their_second() {
        let database = open(None, &table()).unwrap();
        let at = |text: &str| -> Timestamp { text.parse().unwrap() };
        assert_eq!(database.next_due(at("2026-12-01T00:00:00Z")).unwrap(), None);
        put(&database, "DUE#15", "2026-12-01T01:00:00Z#message#a");
        put(&database, "DUE#0", "2026-12-01T02:00:00Z#hold#b");
        put(&database, "DUE#16", "2026-12-01T00:30:00Z#of-no-shard#c");
        for (after, next) in [
            ("2026-12-01T00:59:59.999Z", Some("2026-12-01T01:00:00Z")),
            ("2026-12-01T01:00:00.001Z", Some("2026-12-01T02:00:00Z")),
            ("2026-12-01T02:00:00Z", None),
        ] {
            let found = database.next_due(at(after)).unwrap();
            assert_eq!(found, next.map(at), "{after}");
        }
        assert_eq!(database.due(at("2026-12-01T00:59:59Z")).unwrap(), [""; 0]);
        let both = database.due(at("2026-12-01T02:00:00Z")).unwrap();
        assert_eq!(
            both,
            [
                "2026-12-01T02:00:00Z#hold#b",
                "2026-12-01T01:00:00Z#message#a"
            ]
        );
        put(&database, "DUE#1", "tomorrow#message#d");
        let refused = database.next_due(at("2026-12-01T03:00:00Z")).unwrap_err();
        assert!(format!("{refused:#}").contains("tomorrow"), "{refused:#}");
    }

    #[test]
    fn a_table_of_an_older_template_is_given_its_stream() {
        let old = open(None, &table()).unwrap();
        assert!(old.stream().unwrap().is_none());
        let mut newer = table();
        newer["StreamSpecification"] =
            json!({"StreamEnabled": true, "StreamViewType": "NEW_IMAGE"});
        for _ in 0..2 {
            with_stream(&old.0, &newer).unwrap();
        }
        put(&old, "OUTBOX#1", "01");
        let stream = old.stream().unwrap().unwrap();
        let records = stream.read_now(None).unwrap();
        assert_eq!(records[0]["dynamodb"]["Keys"]["PK"]["S"], "OUTBOX#1");
        let last = records[0]["dynamodb"]["SequenceNumber"].as_str();
        assert_eq!(stream.read_now(last).unwrap(), [json!(null); 0]);
    }
}
