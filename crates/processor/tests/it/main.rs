//! Which mandates settle together, and when. What needs a chain is in `tests/` at the top of the tree.

mod window;
