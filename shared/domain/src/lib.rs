//! What Pesan decides, and nothing else: types, state machines and texts. No clock, no
//! randomness, no network; time and random numbers are arguments.

pub mod api_key;
pub mod balance;
pub mod billing;
pub mod bucket;
pub mod calendar;
pub mod catalog;
pub mod dialogue;
pub mod field;
pub mod ids;
pub mod language;
pub mod merchant;
pub mod message;
pub mod messaging;
pub mod money;
pub mod pace;
pub mod payment;
pub mod reservation;
pub mod subscriber;
pub mod texts;
pub mod whatsapp;
