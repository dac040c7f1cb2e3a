//! The arbiter beside a scripted processor, by fear.

mod accounts;
mod clocks;
mod deciding;
mod delivering;
mod evidence;
mod judging;
mod lying;
mod stand_in;
mod storing;
mod succeeding;
mod support;
mod turns;
