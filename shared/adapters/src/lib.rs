//! The outside as concrete clients. Each speaks its vendor's wire against a base URL, so tests
//! and the local stack run this very code against stand-ins.

pub mod aws;
pub mod clock;
pub mod dynamodb;
pub mod eventbridge;
pub mod events;
pub mod http;
pub mod midtrans;
pub mod probe;
pub mod secrets;
pub mod telegram;
pub mod whatsapp;
