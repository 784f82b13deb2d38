//! pesan-domain
