//! What is remembered of submissions, and what of that is changed or forgotten.

use alloy::primitives::U256;

use super::{FeeCapReached, Record, Sender, SenderError, SubmissionId};

impl Sender {
    /// Forgets all submissions that have ended, so that the journal does not grow for ever, but for the
    /// newest, since it tells which nonces were taken. How many. Their ids can then be used anew, so the caller
    /// must have noted the outcomes durably.
    ///
    /// # Errors
    /// Those of the journal.
    pub async fn forget_ended(&self) -> Result<usize, SenderError> {
        let mut state = self.state.lock().await;
        state.check_open()?;
        let mut ended = self.journal.at_or_above(self.key, 0)?;
        ended.pop();
        ended.retain(|record| record.finish.is_some());
        for record in &ended {
            self.journal.remove(self.key, record.nonce).inspect_err(|_| state.closed = true)?;
        }
        Ok(ended.len())
    }

    /// Forgets a submission that has ended. Its id can then be used anew, so the caller must have noted the
    /// outcome durably. Whether it was forgotten: the newest submission is kept.
    ///
    /// # Errors
    /// [`SenderError::Unfinished`], and those of the journal.
    pub async fn forget(&self, id: SubmissionId) -> Result<bool, SenderError> {
        let mut state = self.state.lock().await;
        state.check_open()?;
        let Some(record) = self.find(id)? else { return Ok(false) };
        if record.finish.is_none() {
            return Err(SenderError::Unfinished { id });
        }
        if self.journal.at_or_above(self.key, record.nonce.saturating_add(1))?.is_empty() {
            return Ok(false);
        }
        self.journal.remove(self.key, record.nonce).inspect_err(|_| state.closed = true)?;
        Ok(true)
    }

    /// What is written down of a submission; none where nothing is. The node is not asked.
    ///
    /// # Errors
    /// Those of the journal.
    pub async fn record(&self, id: SubmissionId) -> Result<Option<Record>, SenderError> {
        self.state.lock().await.check_open()?;
        self.find(id)
    }

    /// Changes what a submission that has not ended may cost at most, in wei, what is sent along included: from now
    /// on its fees are raised up to that. What was offered before stays offered.
    ///
    /// # Errors
    /// Those of the journal.
    pub async fn set_cost_max(&self, id: SubmissionId, wei: U256) -> Result<(), SenderError> {
        let mut state = self.state.lock().await;
        state.check_open()?;
        let unfinished = self.find(id)?.filter(|record| record.finish.is_none());
        let changed = unfinished.filter(|record| record.call.cost_max_wei != Some(wei));
        let Some(mut record) = changed else { return Ok(()) };
        record.call.cost_max_wei = Some(wei);
        state.put(&*self.journal, record)
    }

    /// Why the fees of a submission could not be raised when that was last tried, if they could not. The node is not
    /// asked.
    ///
    /// # Errors
    /// Those of the journal.
    pub async fn stuck(&self, id: SubmissionId) -> Result<Option<FeeCapReached>, SenderError> {
        let state = self.state.lock().await;
        state.check_open()?;
        Ok(self.find(id)?.and_then(|record| state.stuck.get(&record.nonce).copied()))
    }
}
