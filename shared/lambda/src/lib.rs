//! pesan-lambda
