import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericDatumReader;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.io.DecoderFactory;
import org.apache.avro.message.BinaryMessageDecoder;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.StringDeserializer;

/** Results.java BROKER REGISTRY ChunkResult.avsc COUNT: prints who spoke in that many chunks. */
public class Results {
  private static final Map<Integer, Schema> registered = new HashMap<>();

  public static void main(String[] arguments) throws Exception {
    var schema = new Schema.Parser().parse(Files.readString(Path.of(arguments[2])));
    var settings = Map.<String, Object>of(
        "bootstrap.servers", arguments[0],
        "group.id", "example-java",
        "isolation.level", "read_committed",
        "auto.offset.reset", "earliest");
    int left = Integer.parseInt(arguments[3]);
    try (var consumer = new KafkaConsumer<String, byte[]>(
        settings, new StringDeserializer(), new ByteArrayDeserializer())) {
      consumer.subscribe(List.of("chunk-results"));
      while (left > 0) {
        for (var message : consumer.poll(Duration.ofSeconds(1))) {
          if (left-- <= 0) break;
          var result = decode(message.value(), schema, arguments[1]);
          boolean diarized = "diarized".equals(result.get("status").toString());
          System.out.println(result.get("recording_id") + " " + result.get("chunk_id") + " "
              + result.get("status") + ": "
              + (diarized ? result.get("speakers_detected") : result.get("reason")));
        }
      }
    }
  }

  /** Both wire formats, told apart by the first byte. */
  private static GenericRecord decode(byte[] value, Schema schema, String registry) throws Exception {
    if (value[0] != 0) return new BinaryMessageDecoder<GenericRecord>(GenericData.get(), schema).decode(value);
    var writer = written(ByteBuffer.wrap(value, 1, 4).getInt(), registry);
    var decoder = DecoderFactory.get().binaryDecoder(value, 5, value.length - 5, null);
    return new GenericDatumReader<GenericRecord>(writer, schema).read(null, decoder);
  }

  private static Schema written(int id, String registry) throws Exception {
    if (!registered.containsKey(id)) {
      var request = HttpRequest.newBuilder(URI.create(registry + "/schemas/ids/" + id)).build();
      var body = HttpClient.newHttpClient().send(request, BodyHandlers.ofString()).body();
      // {"schema": "..."}: a JSON string that holds JSON.
      var answer = new com.fasterxml.jackson.databind.ObjectMapper().readTree(body);
      registered.put(id, new Schema.Parser().parse(answer.get("schema").asText()));
    }
    return registered.get(id);
  }
}
