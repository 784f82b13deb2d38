//! pesan-sandbox
