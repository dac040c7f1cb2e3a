//! Vaults: what a thief, a forger of records and a careless operator meet.

mod commands;
mod retention;
mod rotation;
mod sealing;
mod services;
mod settings;
mod sources;
mod vectors;
