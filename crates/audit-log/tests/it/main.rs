//! Audit logs: appended with what they describe, and every way to tamper with one.

mod appending;
mod contents;
mod exporting;
mod files;
mod heads;
mod stores;
mod support;
mod tools;
