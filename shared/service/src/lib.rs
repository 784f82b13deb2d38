//! pesan-service
