//! The statement: its size, its twin, and the attacks on it.

mod size;
