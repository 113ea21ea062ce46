// Lucene over the rows of `tests/bench/search`: `java Lucene.java ROWS QUERIES INDEX ROUNDS` prints one JSON line a query.

import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.apache.lucene.analysis.core.WhitespaceAnalyzer;
import org.apache.lucene.document.Document;
import org.apache.lucene.document.Field;
import org.apache.lucene.document.LongPoint;
import org.apache.lucene.document.NumericDocValuesField;
import org.apache.lucene.document.StoredField;
import org.apache.lucene.document.TextField;
import org.apache.lucene.facet.DrillDownQuery;
import org.apache.lucene.facet.DrillSideways;
import org.apache.lucene.facet.FacetResult;
import org.apache.lucene.facet.FacetsConfig;
import org.apache.lucene.facet.LabelAndValue;
import org.apache.lucene.facet.sortedset.DefaultSortedSetDocValuesReaderState;
import org.apache.lucene.facet.sortedset.SortedSetDocValuesFacetField;
import org.apache.lucene.facet.sortedset.SortedSetDocValuesReaderState;
import org.apache.lucene.index.DirectoryReader;
import org.apache.lucene.index.IndexWriter;
import org.apache.lucene.index.IndexWriterConfig;
import org.apache.lucene.index.Term;
import org.apache.lucene.search.BooleanClause;
import org.apache.lucene.search.BooleanQuery;
import org.apache.lucene.search.IndexSearcher;
import org.apache.lucene.search.MatchAllDocsQuery;
import org.apache.lucene.search.Query;
import org.apache.lucene.search.Sort;
import org.apache.lucene.search.SortField;
import org.apache.lucene.search.TermQuery;
import org.apache.lucene.search.TopDocs;
import org.apache.lucene.search.TopDocsCollector;
import org.apache.lucene.search.TopFieldCollector;
import org.apache.lucene.search.TopScoreDocCollector;
import org.apache.lucene.store.FSDirectory;
import org.apache.lucene.store.MMapDirectory;

public class Lucene {
    static final String[] FIELDS = {"mission", "instrument", "kind", "product_type", "band", "release", "station", "year"};
    static final FacetsConfig CONFIG = new FacetsConfig();

    public static void main(String[] arguments) throws Exception {
        Path index = Path.of(arguments[2]);
        long began = System.nanoTime();
        load(Path.of(arguments[0]), index);
        System.out.println("{\"load_s\": " + (System.nanoTime() - began) / 1e9 + "}");
        try (DirectoryReader reader = DirectoryReader.open(new MMapDirectory(index))) {
            IndexSearcher searcher = new IndexSearcher(reader);
            SortedSetDocValuesReaderState state = new DefaultSortedSetDocValuesReaderState(reader);
            List<String> queries = Files.readAllLines(Path.of(arguments[1]));
            int rounds = Integer.parseInt(arguments[3]);
            List<StringBuilder> times = new ArrayList<>();
            for (String ignored : queries) {
                times.add(new StringBuilder());
            }
            for (int round = -2; round < rounds; round++) {
                for (int at = 0; at < queries.size(); at++) {
                    long start = System.nanoTime();
                    String answer = ask(searcher, state, queries.get(at));
                    double ms = (System.nanoTime() - start) / 1e6;
                    if (round >= 0) {
                        times.get(at).append(times.get(at).length() > 0 ? "," : "").append(ms);
                    }
                    if (round == rounds - 1) {
                        System.out.println("{\"times\": [" + times.get(at) + "], " + answer + "}");
                    }
                }
            }
        }
    }

    static void load(Path rows, Path index) throws Exception {
        IndexWriterConfig config = new IndexWriterConfig(new WhitespaceAnalyzer());
        config.setRAMBufferSizeMB(256);
        try (IndexWriter writer = new IndexWriter(FSDirectory.open(index), config);
                var lines = Files.newBufferedReader(rows, StandardCharsets.UTF_8)) {
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                String[] cells = line.split("\t", -1);
                Document document = new Document();
                document.add(new StoredField("id", cells[0]));
                document.add(new LongPoint("start", Long.parseLong(cells[1])));
                document.add(new LongPoint("end", Long.parseLong(cells[2])));
                document.add(new NumericDocValuesField("rank", Long.parseLong(cells[3])));
                for (int at = 0; at < FIELDS.length; at++) {
                    if (!cells[4 + at].isEmpty()) {
                        document.add(new SortedSetDocValuesFacetField(FIELDS[at], cells[4 + at]));
                    }
                }
                document.add(new TextField("text", cells[4 + FIELDS.length], Field.Store.NO));
                writer.addDocument(CONFIG.build(document));
            }
            writer.forceMerge(2);
            writer.commit();
        }
    }

    /** One query a line: words, then beginning and end or nothing, then field=value, all between tabs. */
    static String ask(IndexSearcher searcher, SortedSetDocValuesReaderState state, String line) throws Exception {
        String[] cells = line.split("\t", -1);
        BooleanQuery.Builder base = new BooleanQuery.Builder();
        boolean scored = !cells[0].isEmpty();
        for (String word : cells[0].split(" ")) {
            if (!word.isEmpty()) {
                base.add(new TermQuery(new Term("text", word)), BooleanClause.Occur.MUST);
            }
        }
        if (!cells[1].isEmpty()) {
            long from = Long.parseLong(cells[1]);
            long to = Long.parseLong(cells[2]);
            base.add(LongPoint.newRangeQuery("start", Long.MIN_VALUE, to - 1), BooleanClause.Occur.FILTER);
            base.add(LongPoint.newRangeQuery("end", from + 1, Long.MAX_VALUE), BooleanClause.Occur.FILTER);
        }
        if (!scored && cells[1].isEmpty()) {
            base.add(new MatchAllDocsQuery(), BooleanClause.Occur.FILTER);
        }
        Query query = base.build();
        DrillDownQuery drill = new DrillDownQuery(CONFIG, query);
        for (int at = 3; at < cells.length; at++) {
            int cut = cells[at].indexOf('=');
            if (cut > 0) {
                drill.add(cells[at].substring(0, cut), cells[at].substring(cut + 1));
            }
        }
        TopDocsCollector<?> first = scored
                ? TopScoreDocCollector.create(20, Integer.MAX_VALUE)
                : TopFieldCollector.create(new Sort(new SortField("rank", SortField.Type.LONG, true)), 20, Integer.MAX_VALUE);
        DrillSideways sideways = new DrillSideways(searcher, CONFIG, state);
        DrillSideways.DrillSidewaysResult result = sideways.search(drill, first);
        StringBuilder counts = new StringBuilder();
        for (String field : FIELDS) {
            FacetResult top = result.facets.getTopChildren(100, field);
            counts.append(counts.length() > 0 ? ", " : "").append("\"").append(field).append("\": {");
            String comma = "";
            if (top != null) {
                for (LabelAndValue value : top.labelValues) {
                    counts.append(comma).append("\"").append(value.label).append("\": ").append(value.value);
                    comma = ", ";
                }
            }
            counts.append("}");
        }
        TopDocs docs = first.topDocs();
        for (var hit : docs.scoreDocs) {
            searcher.doc(hit.doc);
        }
        return "\"total\": " + docs.totalHits.value + ", \"counts\": {" + counts + "}";
    }
}
