package interop;

import com.amazonaws.services.lambda.runtime.Context;
import com.amazonaws.services.lambda.runtime.RequestHandler;
import java.io.IOException;
import java.net.HttpURLConnection;
import java.net.URL;
import java.util.Map;

/** A Lambda function without a word of OpenTelemetry: the same in Python, Node.js and Java (see the README in interop/). */
public class Clerk implements RequestHandler<Map<String, Integer>, Map<String, Integer>> {
  /** Asks the shop by HTTP, which notes that the invocation has begun; the second order is one too many. */
  @Override
  public Map<String, Integer> handleRequest(Map<String, Integer> event, Context context) {
    int order = event.get("order");
    ask(System.getenv("SHOP") + "/marks/" + context.getAwsRequestId());
    if (order == 2) {
      throw new IllegalStateException("order 2: one too many");
    }
    return Map.of("order", order);
  }

  private static void ask(String url) {
    try {
      HttpURLConnection call = (HttpURLConnection) new URL(url).openConnection();
      call.setRequestMethod("POST");
      call.setDoOutput(true);
      call.getOutputStream().close();
      call.getInputStream().close();
    } catch (IOException error) {
      throw new IllegalStateException(error);
    }
  }
}
