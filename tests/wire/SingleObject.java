import java.io.ByteArrayOutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HexFormat;
import java.util.Scanner;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericDatumReader;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.io.DecoderFactory;
import org.apache.avro.io.EncoderFactory;
import org.apache.avro.generic.GenericDatumWriter;
import org.apache.avro.message.BinaryMessageDecoder;
import org.apache.avro.message.BinaryMessageEncoder;

/** Apache Avro's own single-object encoding: `decode|encode schema.avsc`, one event a line. */
public class SingleObject {
  public static void main(String[] arguments) throws Exception {
    Schema schema = new Schema.Parser().parse(Files.readString(Path.of(arguments[1])));
    Scanner lines = new Scanner(System.in, "UTF-8");
    while (lines.hasNextLine()) {
      String line = lines.nextLine();
      System.out.println(arguments[0].equals("decode") ? decode(schema, line) : encode(schema, line));
    }
  }

  private static String decode(Schema schema, String hex) throws Exception {
    var decoder = new BinaryMessageDecoder<GenericRecord>(GenericData.get(), schema);
    GenericRecord record = decoder.decode(HexFormat.of().parseHex(hex));
    var out = new ByteArrayOutputStream();
    var json = EncoderFactory.get().jsonEncoder(schema, out, false);
    new GenericDatumWriter<GenericRecord>(schema).write(record, json);
    json.flush();
    return out.toString("UTF-8");
  }

  private static String encode(Schema schema, String json) throws Exception {
    var reader = new GenericDatumReader<GenericRecord>(schema);
    GenericRecord record = reader.read(null, DecoderFactory.get().jsonDecoder(schema, json));
    var buffer = new BinaryMessageEncoder<GenericRecord>(GenericData.get(), schema).encode(record);
    byte[] bytes = new byte[buffer.remaining()];
    buffer.get(bytes);
    return HexFormat.of().formatHex(bytes);
  }
}
