//! From words to a tree.

use super::AdqlError;
use super::lexer::{Token, Word, syntax, words};
use super::tree::{From, Item, Join, On, Order, Query, Source};

mod expressions;

const MAX_BYTES: usize = 64 * 1024;
const MAX_DEPTH: usize = 48;
/// Names that end an expression, so they are no aliases.
const RESERVED: [&str; 30] = [
    "from",
    "where",
    "group",
    "having",
    "order",
    "limit",
    "offset",
    "as",
    "on",
    "using",
    "join",
    "inner",
    "left",
    "right",
    "full",
    "cross",
    "natural",
    "outer",
    "union",
    "except",
    "intersect",
    "and",
    "or",
    "not",
    "between",
    "in",
    "like",
    "is",
    "select",
    "case",
];

/// Reads a query.
///
/// # Errors
/// What is not understood, with line and column.
pub(crate) fn parse(query: &str) -> Result<Query, AdqlError> {
    if query.len() > MAX_BYTES {
        return Err(AdqlError::NotUnderstood(format!(
            "a query has at most {MAX_BYTES} bytes"
        )));
    }
    let mut parser = Parser {
        query,
        tokens: words(query)?,
        next: 0,
        depth: 0,
    };
    let tree = parser.query()?;
    while parser.takes_sign(";") {}
    match parser.peek() {
        None => Ok(tree),
        Some(_) => Err(parser.unexpected("the end")),
    }
}

pub(super) struct Parser<'q> {
    query: &'q str,
    tokens: Vec<Token>,
    next: usize,
    depth: usize,
}

impl Parser<'_> {
    fn query(&mut self) -> Result<Query, AdqlError> {
        self.deeper()?;
        self.keyword("select")?;
        let distinct = self.takes("distinct");
        if !distinct {
            self.takes("all");
        }
        let top = if self.takes("top") {
            Some(self.count()?)
        } else {
            None
        };
        let items = self.list(Self::item)?;
        self.keyword("from")?;
        let from = self.from()?;
        let filter = if self.takes("where") {
            Some(self.expression()?)
        } else {
            None
        };
        let mut groups = Vec::new();
        if self.takes("group") {
            self.keyword("by")?;
            groups = self.list(Self::expression)?;
        }
        let having = if self.takes("having") {
            Some(self.expression()?)
        } else {
            None
        };
        let mut order = Vec::new();
        if self.takes("order") {
            self.keyword("by")?;
            order = self.list(Self::order)?;
        }
        let offset = if self.takes("offset") {
            self.count()?
        } else {
            0
        };
        self.depth -= 1;
        Ok(Query {
            distinct,
            top,
            items,
            from,
            filter,
            groups,
            having,
            order,
            offset,
        })
    }

    fn item(&mut self) -> Result<Item, AdqlError> {
        if self.takes_sign("*") {
            return Ok(Item::All(None));
        }
        if let Some(alias) = self.all_of() {
            return Ok(Item::All(Some(alias)));
        }
        let expr = self.expression()?;
        Ok(Item::Value {
            expr,
            alias: self.alias()?,
        })
    }

    /// `name.*`, or `schema.name.*`, where it stands here; gives the last name.
    fn all_of(&mut self) -> Option<String> {
        let mut at = self.next;
        let mut last = None;
        loop {
            match &self.tokens.get(at)?.word {
                Word::Name(name) | Word::Quoted(name) => last = Some(name.clone()),
                Word::Sign("*") if last.is_some() => {
                    self.next = at + 1;
                    return last;
                }
                _ => return None,
            }
            if self.tokens.get(at + 1)?.word != Word::Sign(".") {
                return None;
            }
            at += 2;
        }
    }

    fn order(&mut self) -> Result<Order, AdqlError> {
        let expr = self.expression()?;
        let is_descending = self.takes("desc");
        if !is_descending {
            self.takes("asc");
        }
        Ok(Order {
            expr,
            is_descending,
        })
    }

    fn from(&mut self) -> Result<Vec<From>, AdqlError> {
        let mut tables = vec![self.table(None)?];
        loop {
            let is_natural = self.takes("natural");
            let is_left = self.takes("left");
            if is_left {
                self.takes("outer");
            } else if !self.takes("inner") && self.is_sign(",") {
                return Err(
                    self.error("tables separated by commas are not understood; use JOIN … ON")
                );
            }
            if !self.takes("join") {
                if is_natural || is_left {
                    return Err(self.unexpected("JOIN"));
                }
                return Ok(tables);
            }
            if tables.len() == 8 {
                return Err(self.error("more than 8 tables are not joined"));
            }
            let mut table = self.table(None)?;
            let on = if is_natural { On::Natural } else { self.on()? };
            table.join = Some(Join { is_left, on });
            tables.push(table);
        }
    }

    fn on(&mut self) -> Result<On, AdqlError> {
        if self.takes("on") {
            return Ok(On::Expr(self.expression()?));
        }
        self.keyword("using")?;
        self.sign("(")?;
        let names = self.list(Self::name)?;
        self.sign(")")?;
        Ok(On::Using(names))
    }

    fn table(&mut self, join: Option<Join>) -> Result<From, AdqlError> {
        let source = if self.takes_sign("(") {
            let query = self.query()?;
            self.sign(")")?;
            Source::Query(Box::new(query))
        } else {
            let mut path = vec![self.name()?];
            while self.takes_sign(".") {
                path.push(self.name()?);
            }
            Source::Table(path.join("."))
        };
        let alias = match (self.alias()?, &source) {
            (Some(alias), _) => alias,
            (None, Source::Table(name)) => name.rsplit('.').next().unwrap_or(name).to_owned(),
            (None, Source::Query(_)) => return Err(self.error("a query in FROM needs a name")),
        };
        Ok(From {
            source,
            alias,
            join,
        })
    }

    fn alias(&mut self) -> Result<Option<String>, AdqlError> {
        if self.takes("as") {
            return self.name().map(Some);
        }
        let is_alias = match self.peek() {
            Some(Word::Name(name)) => !RESERVED.contains(&name.to_ascii_lowercase().as_str()),
            Some(Word::Quoted(_)) => true,
            _ => false,
        };
        if is_alias {
            self.name().map(Some)
        } else {
            Ok(None)
        }
    }

    fn name(&mut self) -> Result<String, AdqlError> {
        match self.peek() {
            Some(Word::Name(name) | Word::Quoted(name)) => {
                let name = name.clone();
                self.next += 1;
                Ok(name)
            }
            _ => Err(self.unexpected("a name")),
        }
    }

    fn count(&mut self) -> Result<usize, AdqlError> {
        if let Some(Word::Number(text)) = self.peek()
            && let Ok(count) = text.parse()
        {
            self.next += 1;
            return Ok(count);
        }
        Err(self.unexpected("a number of rows"))
    }

    fn list<T>(
        &mut self,
        item: impl Fn(&mut Self) -> Result<T, AdqlError>,
    ) -> Result<Vec<T>, AdqlError> {
        let mut items = vec![item(self)?];
        while self.takes_sign(",") {
            items.push(item(self)?);
        }
        Ok(items)
    }

    fn peek(&self) -> Option<&Word> {
        self.tokens.get(self.next).map(|token| &token.word)
    }

    fn is_keyword(&self, keyword: &str) -> bool {
        matches!(self.peek(), Some(Word::Name(name)) if name.eq_ignore_ascii_case(keyword))
    }

    fn is_sign(&self, sign: &str) -> bool {
        matches!(self.peek(), Some(Word::Sign(found)) if *found == sign)
    }

    fn takes(&mut self, keyword: &str) -> bool {
        let is_it = self.is_keyword(keyword);
        self.next += usize::from(is_it);
        is_it
    }

    fn takes_sign(&mut self, sign: &str) -> bool {
        let is_it = self.is_sign(sign);
        self.next += usize::from(is_it);
        is_it
    }

    fn keyword(&mut self, keyword: &str) -> Result<(), AdqlError> {
        if self.takes(keyword) {
            Ok(())
        } else {
            Err(self.unexpected(&keyword.to_ascii_uppercase()))
        }
    }

    fn sign(&mut self, sign: &str) -> Result<(), AdqlError> {
        if self.takes_sign(sign) {
            Ok(())
        } else {
            Err(self.unexpected(&format!("`{sign}`")))
        }
    }

    fn deeper(&mut self) -> Result<(), AdqlError> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(self.error(&format!("it is nested deeper than {MAX_DEPTH}")));
        }
        Ok(())
    }

    fn unexpected(&self, wanted: &str) -> AdqlError {
        let found = match self.peek() {
            None => "the end".to_owned(),
            Some(Word::Name(text) | Word::Quoted(text) | Word::Number(text)) => format!("`{text}`"),
            Some(Word::Text(text)) => format!("`'{text}'`"),
            Some(Word::Sign(sign)) => format!("`{sign}`"),
        };
        self.error(&format!("{found} where {wanted} was expected"))
    }

    fn error(&self, what: &str) -> AdqlError {
        let at = self
            .tokens
            .get(self.next)
            .map_or(self.query.len(), |token| token.at);
        syntax(self.query, at, what)
    }
}
