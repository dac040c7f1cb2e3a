//! The arbiter beside a scripted processor, by fear.

mod accounts;
mod deciding;
mod delivering;
mod evidence;
mod judging;
mod lying;
mod stand_in;
mod storing;
mod support;
