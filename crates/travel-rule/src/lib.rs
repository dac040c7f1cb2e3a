//! The Travel Rule: who pays whom, told to the processor for payments beyond a threshold.
//!
//! A payer describes itself and its payee in an IVMS101 object, binds it to one mandate, and seals it
//! to the processor's key. The processor opens it, checks it, and keeps it; it counts what each owner
//! paid, to know which payments need one.
//!
//! ```
//! use aep2_travel_rule::{
//!     Binding, KeyRing, Need, ProcessorKey, Reason, Sums, Thresholds, TravelRuleObject,
//! };
//! use alloy_primitives::{Address, B256, address};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let now = 1_790_000_000;
//! let owner = address!("0x17c5185167401eD00cF5F5b2fc97D9BBfDb7D025");
//! let payee = address!("0x70997970C51812dc3A010C7d01b50e0d17dc79C8");
//! let token = Address::repeat_byte(3);
//!
//! // The processor: every payment beyond 1000 units needs an object, and so do many small ones.
//! let thresholds = Thresholds::every_payment().with(token, 1_000_000_000);
//! let mut sums = Sums::new(thresholds, 30 * 24 * 60 * 60)?;
//! assert_eq!(sums.need(owner, token, 600_000_000, now), Need::NotNeeded);
//! sums.record(owner, token, 600_000_000, now);
//! assert_eq!(sums.need(owner, token, 600_000_000, now), Need::Needed(Reason::Summed));
//!
//! // The payer.
//! let keys = KeyRing::new(ProcessorKey::random()?);
//! let binding = Binding {
//!     mandate_id: B256::repeat_byte(1),
//!     chain_id: 8453,
//!     wallet: Address::repeat_byte(2),
//!     owner,
//!     account: Some(7),
//! };
//! let ivms101 = br#"{
//!     "originator": {
//!         "originatorPersons": [{ "naturalPerson": {
//!             "name": { "nameIdentifier": [
//!                 { "primaryIdentifier": "Smith", "secondaryIdentifier": "Alice", "nameIdentifierType": "LEGL" }
//!             ] },
//!             "customerIdentification": "1002390"
//!         } }],
//!         "accountNumber": ["0x17c5185167401eD00cF5F5b2fc97D9BBfDb7D025"]
//!     },
//!     "beneficiary": {
//!         "beneficiaryPersons": [{ "legalPerson": {
//!             "name": { "nameIdentifier": [
//!                 { "legalPersonName": "ABC Limited", "legalPersonNameIdentifierType": "LEGL" }
//!             ] }
//!         } }],
//!         "accountNumber": ["0x70997970C51812dc3A010C7d01b50e0d17dc79C8"]
//!     }
//! }"#;
//! let token = TravelRuleObject::new(binding, ivms101, now)?.seal(keys.newest())?;
//!
//! // The processor again.
//! let object = TravelRuleObject::receive(&token, &keys, (&binding, payee), now)?;
//! assert_eq!(object.ivms101().originator.persons.len(), 1);
//! # Ok(())
//! # }
//! ```
//!
//! `docs/travel-rule.md` has it all for operators, payers and compliance officers.
//!
//! # What it does not know
//!
//! Where objects are kept, who may read them, and how they come: no storage, no HTTP. Whether what a
//! payer tells is true.

mod account;
mod export;
pub mod ivms101;
mod json;
pub mod jwe;
mod limits;
mod object;
mod personal;
mod sums;
mod thresholds;

pub use self::{
    account::{caip10, wallet_account},
    export::{ExportError, ExportLine, Payment, export},
    ivms101::{Invalid, Ivms101, Rule, Version, Violation},
    jwe::{JweError, KeyError, KeyRing, ProcessorKey, PublicKey, TOKEN_BYTES_MAX},
    limits::OBJECT_BYTES_MAX,
    object::{Binding, BindingError, ObjectError, ReceiveError, TravelRuleObject},
    personal::Text,
    sums::{NotRecorded, PERIOD_SECONDS_MAX, PeriodError, Sums},
    thresholds::{Need, Reason, Thresholds},
};
