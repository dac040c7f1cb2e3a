//! Agents with cards, an issuer, a payee and a processor with its chain, all of them real.

mod agency;
mod paying;
mod reckoning;
