//! What a request costs.

use aep2_mandate::units::Ceiling;
use aep2_x402::CaptureMode;
use http::request::Parts;

/// The price of one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quote {
    /// The price, or the most that it can be.
    pub amount: Ceiling,
    /// Which of the two.
    pub capture: CaptureMode,
    /// What is bought, in words for people.
    pub description: Option<String>,
    /// The media type of what is bought.
    pub mime_type: Option<String>,
}

impl Quote {
    /// A price, or with `metered` the most that a call can cost.
    pub fn new(amount: Ceiling, metered: bool) -> Self {
        if metered { Self::metered(amount) } else { Self::fixed(amount) }
    }

    /// A fixed price.
    pub fn fixed(amount: Ceiling) -> Self {
        Self { amount, capture: CaptureMode::Full, description: None, mime_type: None }
    }

    /// A price that the handler finds out, up to `ceiling`: see [`Paid::charge`](crate::Paid).
    pub fn metered(ceiling: Ceiling) -> Self {
        Self { capture: CaptureMode::Metered, ..Self::fixed(ceiling) }
    }

    /// The same, with words for people.
    pub fn described(self, description: impl Into<String>) -> Self {
        Self { description: Some(description.into()), ..self }
    }

    /// The same, with the media type of what is bought.
    pub fn of_type(self, mime_type: impl Into<String>) -> Self {
        Self { mime_type: Some(mime_type.into()), ..self }
    }
}

/// Puts a price on requests: a [`Quote`], or a function of the request.
///
/// A function is asked again when the request comes back with its payment, and must say the same:
/// a mandate over another price is refused, with the price of now.
pub trait Price: Send + Sync + 'static {
    /// What this request costs; `None` where it is free.
    fn quote(&self, request: &Parts) -> Option<Quote>;
}

impl Price for Quote {
    fn quote(&self, _request: &Parts) -> Option<Quote> {
        Some(self.clone())
    }
}

impl<F> Price for F
where
    F: Fn(&Parts) -> Option<Quote> + Send + Sync + 'static,
{
    fn quote(&self, request: &Parts) -> Option<Quote> {
        self(request)
    }
}
