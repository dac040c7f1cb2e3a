//! Bonds, demands and claims in a processor's world.

use aep2_chain::{
    token::{approve, mint_test_tokens},
    wallet::{
        guarantee::{Guarantee, Paid, Promise},
        units::BaseUnits,
    },
};
use aep2_mandate::typed_data::receipt::{Receipt, SignedReceipt};
use alloy::{
    consensus::Transaction as _,
    primitives::{Address, U256},
    providers::{Provider, RootProvider},
};

use crate::world::{RESPONSE_SECONDS, World, dev_key};

impl World {
    /// What stands behind receipts, to be asked.
    pub fn guarantee(&self) -> Guarantee<RootProvider> {
        Guarantee::unchecked(self.chain.provider(), self.id().guarantee())
    }

    /// Adds to the processor's bond for all payees.
    pub async fn bond(&self, amount: u128) {
        let (id, token, units) = (self.id().guarantee(), self.token(), BaseUnits::new(amount));
        let donor = dev_key(0);
        for call in [
            mint_test_tokens(token, donor.address(), units),
            approve(token, id.address, units),
            id.bond(self.processor.address(), None, token, units),
        ] {
            self.send(&donor, &call).await;
        }
    }

    /// The processor's bond for all payees.
    pub async fn bonded(&self) -> u128 {
        let bond = self.guarantee().bond(self.processor.address(), None, self.token()).await;
        bond.expect("an answer").balance.get()
    }

    /// Demands what receipts promise, whose time must be over.
    pub async fn demand(&self, receipts: &[SignedReceipt]) {
        let promise = |receipt: &SignedReceipt| Promise { receipt: *receipt, capture: None };
        let promises: Vec<Promise> = receipts.iter().map(promise).collect();
        let count = receipts.len() as u64;
        let deposit = self.guarantee().deposit_for(count).await.expect("an answer");
        let call = self.id().guarantee().demand(&promises, deposit * U256::from(2));
        self.send(&dev_key(9), &call).await;
    }

    /// How many transactions called a contract in the blocks after one.
    pub async fn transactions_since(&self, block: u64, contract: Address) -> usize {
        let mut found = 0;
        for number in block + 1..=self.head().await {
            let block = self.chain.provider().get_block_by_number(number.into()).full().await;
            let block = block.expect("an answer").expect("a block");
            let called = block.transactions.into_transactions();
            found += called.filter(|own| own.to() == Some(contract)).count();
        }
        found
    }

    /// Lets the time pass in which demands can be answered.
    pub fn let_the_response_window_pass(&self) {
        self.travel(RESPONSE_SECONDS + 1);
    }

    /// Claims what was demanded.
    pub async fn claim(&self, receipts: &[Receipt]) {
        self.send(&dev_key(9), &self.id().guarantee().claim(receipts)).await;
    }

    /// What was shown and claimed of a receipt's mandate.
    pub async fn paid(&self, receipt: &Receipt) -> Paid {
        self.guarantee().paid(receipt).await.expect("an answer")
    }
}
