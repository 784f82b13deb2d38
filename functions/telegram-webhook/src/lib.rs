//! A merchant's bot.
