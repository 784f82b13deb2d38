//! pesan-tests
