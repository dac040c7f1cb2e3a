//! The statement: what is feared, file by file.
//!
//! | file | fear |
//! | --- | --- |
//! | `forged_signature` | a mandate that its payer never signed |
//! | `stretched_terms` | numbers outside their ranges: another nonce, amount or deadline than signed |
//! | `miscounted_slots` | mandates dropped, or counted otherwise than once |
//! | `nonce_reuse` | a nonce settled twice |
//! | `forged_segments` | segments that only together, or only apart, are what they claim to be |
//! | `misdirected_money` | entries that are not what the mandates say |
//! | `chosen_after_challenge` | anything picked once `X` and `β` are known |
//! | `false_arithmetic` | variables that are not what they should be computed to |
//!
//! and beside the attacks:
//!
//! | file | fear |
//! | --- | --- |
//! | `honest_extremes` | an honest batch that cannot be proved |
//! | `curve` | group arithmetic that differs from the curve's |
//! | `twin` | a circuit and a native reading that drift apart |
//! | `consistency` | systems that read one circuit in different ways; free variables |
//! | `size` | growth |
//! | `version` | another circuit under the same version |
//! | `vectors` | a protocol that only this project understands |
//!
//! `support` is the cheat's bench, `probe` its eyes, `wallet` what stands beside the proofs.

mod chosen_after_challenge;
mod consistency;
mod curve;
mod false_arithmetic;
mod forged_segments;
mod forged_signature;
mod honest_extremes;
mod miscounted_slots;
mod misdirected_money;
mod nonce_reuse;
mod probe;
mod size;
mod stretched_terms;
mod support;
mod twin;
mod vectors;
mod version;
mod wallet;
