//! telegram-webhook
