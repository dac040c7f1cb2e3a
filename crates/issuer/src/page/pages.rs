//! What these pages are called.

use aep2_page::layout::Pages;

pub(super) const PAGES: Pages = Pages { name: "AEP2 issuer" };
