//! Cutting what was typed into words, `"phrases"` and `field:value`, each perhaps with a `-` before it.

/// One thing typed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Item<'a> {
    pub(crate) negated: bool,
    pub(crate) field: Option<&'a str>,
    pub(crate) text: &'a str,
    pub(crate) quoted: bool,
}

/// The items of a query, in order.
pub(crate) fn items<'a>(q: &'a str, notes: &mut Vec<String>) -> Vec<Item<'a>> {
    let mut items = Vec::new();
    let mut rest = q.trim_start();
    while !rest.is_empty() {
        let negated = rest.starts_with('-')
            && rest[1..].starts_with(|c: char| !c.is_whitespace() && c != '-');
        rest = if negated { &rest[1..] } else { rest };
        let end = rest
            .find(|c: char| c.is_whitespace() || c == '"')
            .unwrap_or(rest.len());
        let (head, tail) = rest.split_at(end);
        let field = head.strip_suffix(':').filter(|field| !field.is_empty());
        let (item, after) = match tail.strip_prefix('"') {
            Some(inside) if head.is_empty() || field.is_some() => {
                let (text, after) = inside.split_once('"').unwrap_or_else(|| {
                    notes.push("a quotation mark without its partner was left out".to_owned());
                    (inside, "")
                });
                (
                    Item {
                        negated,
                        field,
                        text,
                        quoted: true,
                    },
                    after,
                )
            }
            _ => (unquoted(head, negated), tail),
        };
        items.push(item);
        rest = after.trim_start();
    }
    items
}

fn unquoted(text: &str, negated: bool) -> Item<'_> {
    let (field, text) = match text.split_once(':') {
        Some((field, value)) if !field.is_empty() && !value.is_empty() => (Some(field), value),
        _ => (None, text),
    };
    Item {
        negated,
        field,
        text,
        quoted: false,
    }
}
