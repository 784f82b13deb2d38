//! An embedded DynamoDB with the table.

use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType,
};
use pesan_adapters::aws::Aws;
use pesan_adapters::dynamodb::Store;

/// A table of the test's own.
pub async fn store() -> Store {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let database = dynoxide::Database::memory().unwrap();
    tokio::spawn(dynoxide::server::serve_with_shutdown(
        listener,
        database,
        std::future::pending(),
    ));
    let aws = Aws {
        region: "ap-southeast-3".to_owned(),
        credentials: aws_credential_types::Credentials::new("test", "test", None, None, "test"),
        http: pesan_adapters::http::client().unwrap(),
        dynamodb_endpoint: Some(endpoint),
        ssm_endpoint: None,
        eventbridge_endpoint: None,
    };
    let client = aws.dynamodb();
    let attribute = |name: &str| {
        AttributeDefinition::builder()
            .attribute_name(name)
            .attribute_type(ScalarAttributeType::S)
            .build()
            .unwrap()
    };
    let key = |name: &str, kind| {
        KeySchemaElement::builder()
            .attribute_name(name)
            .key_type(kind)
            .build()
            .unwrap()
    };
    client
        .create_table()
        .table_name("pesan")
        .billing_mode(BillingMode::PayPerRequest)
        .attribute_definitions(attribute("PK"))
        .attribute_definitions(attribute("SK"))
        .key_schema(key("PK", KeyType::Hash))
        .key_schema(key("SK", KeyType::Range))
        .send()
        .await
        .unwrap();
    Store::new(client, "pesan")
}
