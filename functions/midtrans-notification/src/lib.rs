//! midtrans-notification
