//! What pages share that people log in to.
//!
//! HTML that is made on the server, and no build step. Whoever logs in has a [session](sessions::Sessions).
//! [`security`] says whose requests are taken, and what every answer says to browsers; [`layout`] what is
//! around each page; [`assets`] serves the style and the script. Whose token logs in, and what is shown, is
//! the caller's.

pub mod assets;
pub mod layout;
pub mod security;
pub mod sessions;
