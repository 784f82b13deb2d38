//! pesan-adapters
